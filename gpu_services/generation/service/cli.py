"""`scalediff-generate`: the service's processes and the few things that a person does by hand.

scalediff-generate --role api [--host HOST] [--port PORT]
scalediff-generate --role worker [--model URL] [--device DEVICE] [--batch N] [--metrics-port PORT]
                   [--clip-model FOLDER] [--detector FOLDER]
scalediff-generate token NAME [--scope generate|admin] [--days N]
scalediff-generate callback-key
scalediff-generate regenerate JOB_ID [--model URL]
"""

import argparse
import logging
import os
import signal
import socket
import sys
import uuid
from dataclasses import replace
from functools import partial

from gpu_services.errors import JobError
from gpu_services.generation.service.config import ServiceConfig, read_config
from gpu_services.generation.service.judging import PromptScorer
from scoring.gate import GatePolicyError
from scoring.privacy import PrivacyDetector


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
    )
    try:
        config = read_config()
        if given.command is not None:
            return int(given.run(config, given))
        if given.role is None:
            parser.error("name a role (--role api|worker) or a command")
        return _run_api(config, given) if given.role == "api" else _run_worker(config, given)
    except (JobError, GatePolicyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scalediff-generate", description="Scenario clips on order.")
    parser.add_argument("--role", choices=("api", "worker"), help="the process to run")
    parser.add_argument("--host", default="127.0.0.1", help="API: address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, help="API: port (default 8090)")
    parser.add_argument("--model", metavar="URL", help="the model, where none is in force yet")
    parser.add_argument("--device", default="auto", help="worker: auto, cpu, cuda or cuda:N")
    parser.add_argument("--batch", type=int, help="worker: most jobs computed together (default 8)")
    parser.add_argument("--metrics-port", type=int, help="worker: /metrics, /healthz and /readyz")
    parser.add_argument("--policy", metavar="FILE", help="worker: the gate's (default: the packaged one)")
    parser.add_argument("--clip-model", metavar="FOLDER", help="worker: CLIP, to compare clips with prompts")
    parser.add_argument("--detector", metavar="FOLDER", help="worker: EgoBlur, to look for faces and plates")
    parser.add_argument("--until-empty", action="store_true", help="worker: end when nothing waits")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    token = commands.add_parser("token", help="a bearer token for an actor")
    token.add_argument("name")
    token.add_argument("--scope", choices=("generate", "admin"), default="generate")
    token.add_argument("--days", type=float, default=30.0)
    token.set_defaults(run=_print_token)
    key = commands.add_parser("callback-key", help="the key that receivers check callbacks with, hex")
    key.set_defaults(run=_print_callback_key)
    again = commands.add_parser("regenerate", help="make a job's clip again from its row, and compare")
    again.add_argument("job_id")
    again.add_argument("--model", dest="other_model", metavar="URL", help="instead of the one in force")
    again.set_defaults(run=_regenerate)
    return parser


def _run_api(config: ServiceConfig, given: argparse.Namespace) -> int:
    import uvicorn

    from gpu_services.generation.service.app import create_app

    # A request hands over between threads; the default of 5 ms would be most of its time under load.
    sys.setswitchinterval(0.0005)
    # uvicorn would believe the X-Forwarded-For of every local peer; whom to believe is a setting of ours.
    uvicorn.run(create_app(config), host=given.host, port=given.port, proxy_headers=False, access_log=False)
    return 0


def _run_worker(config: ServiceConfig, given: argparse.Namespace) -> int:
    from gpu_services.generation.generator import load_generator
    from gpu_services.generation.service.starting import make_worker
    from gpu_services.generation.service.status_page import serve_status
    from scoring.gate import load_gate_policy

    if given.batch is not None:
        config = replace(config, worker=replace(config.worker, batch=given.batch))
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
    worker = make_worker(
        config,
        worker_id=name,
        load=partial(load_generator, device=given.device),
        model_url=given.model,
        policy=load_gate_policy(given.policy),
        detector=_detector(given.detector),
        scorer=_scorer(given.clip_model),
    )

    def drain(_signal: int, _frame: object) -> None:
        worker.drain(at_once=not worker.ready)

    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGINT, drain)
    with serve_status(worker, given.metrics_port):
        worker.run(until_empty=given.until_empty)
    return 0


def _detector(folder: str | None) -> PrivacyDetector | None:
    if folder is None:
        return None
    from gpu_services.generation.privacy import EgoBlurDetector

    return EgoBlurDetector(folder)


def _scorer(folder: str | None) -> PromptScorer | None:
    if folder is None:
        return None
    from gpu_services.generation.clip_score import ClipScorer

    return ClipScorer(folder)


def _print_token(config: ServiceConfig, given: argparse.Namespace) -> int:
    from gpu_services.generation.service.access import make_token

    print(make_token(config.secret, given.name, (given.scope,), now_ms=config.now_ms(), days=given.days))
    return 0


def _print_callback_key(config: ServiceConfig, _given: argparse.Namespace) -> int:
    from gpu_services.generation.service.access import key_for

    print(key_for(config.secret, "callbacks").hex())
    return 0


def _regenerate(config: ServiceConfig, given: argparse.Namespace) -> int:
    from gpu_services.generation.generator import load_generator
    from gpu_services.generation.service.regenerate import regenerate

    outcome = regenerate(config, given.job_id, load_generator, model_url=given.other_model)
    print(outcome.sentence)
    return 0 if outcome.identical else 1


if __name__ == "__main__":
    sys.exit(main())
