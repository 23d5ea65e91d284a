import { ask, chips, make, seconds, show } from "/pages/api.js";

const PAGE = 24;
const moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;
let category = "";
let next = null;
const seen = new Map([["", "all"]]);
const clips = document.getElementById("clips");
const more = document.getElementById("more");

function verdict(job) {
  if (!job.verdict) return make("span", { className: "state", textContent: "not judged", data: { state: "queued" } });
  const state = job.verdict.passed ? "passed" : "rejected";
  return make("span", { className: "state", textContent: [state, ...job.verdict.reasons].join(" · "), data: { state } });
}

function figure(job) {
  const video = make("video", { src: job.media_url, muted: true, loop: true, playsInline: true, autoplay: moving, controls: !moving });
  const scores = job.quality_scores;
  const cohort = scores.cohort_fvd == null ? "" : ` · FVD ${scores.cohort_fvd.toPrecision(3)} (${scores.extractor}, n=${scores.n})`;
  return make("figure", {}, video, make("figcaption", {},
    make("p", { textContent: job.prompt.replace("dashcam view of ", "") }),
    make("p", { className: "meta" }, make("span", { textContent: job.category.replaceAll("_", " ") }), verdict(job)),
    make("p", { className: "meta" },
      make("span", { textContent: `coherence ${scores.tcs_flow.toFixed(3)} · motion ${scores.motion.toFixed(3)}${cohort}` }),
      make("span", { textContent: `${job.model_version} · ${seconds(Object.values(job.stage_seconds).reduce((a, b) => a + b, 0))}` })),
    make("p", { className: "meta" }, make("code", { textContent: job.job_id }))));
}

async function load() {
  try {
    const page = await ask(`jobs?status=completed&limit=${PAGE}${category && `&category=${category}`}${next ? `&before=${next}` : ""}`);
    for (const job of page.jobs) seen.set(job.category, job.category.replaceAll("_", " "));
    clips.append(...page.jobs.map(figure));
    if (!clips.children.length) clips.append(make("p", { className: "empty", textContent: "No clips yet." }));
    next = page.next;
    more.hidden = !next;
    chips(document.getElementById("filters"), [...seen], category, (value) => {
      category = value;
      next = null;
      clips.replaceChildren();
      load();
    });
    show("live", "live");
  } catch (error) {
    show("down", "not connected", error.message);
  }
}

more.onclick = load;
load();
