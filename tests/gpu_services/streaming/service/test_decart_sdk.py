"""The public Decart SDK, unchanged, in a real browser, against this service.

It is no dependency of ours: `npm install --prefix DIR @decartai/sdk@0.0.46`, then
`SCALEDIFF_TEST_DECART_SDK=DIR pytest ...`. 0.0.46 is the last version that speaks WebRTC itself. Its address
is fixed, so the page's WebSocket leads Decart's host here; nothing else is touched.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
SDK = os.environ.get("SCALEDIFF_TEST_DECART_SDK", "")
ESBUILD = ROOT / "game" / "node_modules" / ".bin" / "esbuild"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-features=WebRtcHideLocalIpsWithMdns", "--disable-gpu"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        not (SDK and CHROMIUM and ESBUILD.exists()),
        reason="needs Chromium, the game's node_modules and SCALEDIFF_TEST_DECART_SDK (see the module)",
    ),
]

PLAY = """
async ({ key, prompt, next }) => {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 640, height: 360 });
  const pen = canvas.getContext("2d");
  const draw = (k) => { pen.fillStyle = `hsl(${k % 360} 40% 70%)`; pen.fillRect(0, 0, 640, 360); };
  let k = 0;
  setInterval(() => draw(k++), 40);
  const { createDecartClient, models } = window.decart;
  const states = [];
  const streams = [];
  const client = await createDecartClient({ apiKey: key }).realtime.connect(canvas.captureStream(25), {
    model: models.realtime("mirage_v2"),
    onRemoteStream: (stream) => streams.push(stream),
    initialState: { prompt: { text: prompt } },
  });
  client.on("connectionChange", (state) => states.push(state));
  const video = document.createElement("video");
  Object.assign(video, { muted: true, srcObject: streams[0] });
  await video.play();
  const light = () => {
    pen2.drawImage(video, 0, 0, 64, 36);
    const { data } = pen2.getImageData(0, 0, 64, 36);
    return data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (64 * 36 * 3);
  };
  const small = document.createElement("canvas");
  const pen2 = small.getContext("2d", { willReadFrequently: true });
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  await wait(1500);
  const before = light();
  await client.setPrompt(next);
  await wait(1500);
  const after = light();
  const refused = await client.setImage("aGFsbG8=").then(() => "taken", (error) => error.message);
  const found = { before, after, refused, session: client.sessionId, state: client.getConnectionState(),
    frames: video.getVideoPlaybackQuality().totalVideoFrames, states };
  client.disconnect();
  return found;
}
"""


def bundled() -> str:
    done = subprocess.run(
        [
            str(ESBUILD),
            "--bundle",
            "--format=iife",
            "--global-name=decart",
            "--platform=browser",
            str(Path(SDK) / "node_modules" / "@decartai" / "sdk" / "dist" / "index.js"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_sdk_connects_prompts_and_shows_painted_pictures() -> None:
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "gpu_services.streaming", "--backend", "stylize", "--port", "0"]
    service = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    try:
        url = service.stdout.readline().split()[-1]
        base = url.removesuffix("/v1/stream")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.add_init_script(
                "window.WebSocket = class extends WebSocket { constructor(url, ...rest) "
                f"{{ super(String(url).replace('wss://api3.decart.ai', {json.dumps(base)}), ...rest); }} }};"
            )
            page.goto(base.replace("ws://", "http://") + "/healthz")
            page.add_script_tag(content=bundled())
            found: dict[str, Any] = page.evaluate(
                PLAY, {"key": "a key", "prompt": "a sunny day", "next": "a drive at night"}
            )
            browser.close()
    finally:
        service.terminate()
        service.communicate()
    assert found["state"] == "generating" and found["session"]
    assert found["frames"] > 20
    assert found["after"] < 0.75 * found["before"]
    assert "reference picture" in found["refused"]
