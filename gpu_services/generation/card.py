"""A model card in Markdown: what the model is, what it was measured at, what it is not good for."""

from gpu_services.generation.model import VideoCard
from scalediff_contract.video_evaluation import ArmReport, EvaluateVideoResult, FrechetFigure


def model_card(card: VideoCard, report: EvaluateVideoResult) -> str:
    """The card of an evaluated model."""
    spec, architecture = card.spec, card.architecture
    indicative = any(figure.indicative for arm in report.arms for figure in arm.frechet)
    lines = [
        f"# Video model {card.version}",
        "",
        f"Clips of {spec.frames} x {spec.height_px} x {spec.width_px} at {spec.fps:g} Hz; "
        f"{architecture.network} network of width {architecture.width}, codec {architecture.codec}, "
        f"prompts as {architecture.text}; {card.step} steps on clips {card.manifest_hash[:16]}; "
        f"weights {card.model_sha256[:16]}.",
        "",
        f"Known conditions: {', '.join(card.terms[: card.categories])}. Of others only known words of the "
        "prompt tell the model anything.",
        "",
        f"## Against {report.n} held-out clips, {len(report.seeds)} sampling seeds, "
        f"{report.steps} steps, guidance {report.guidance:g}, on {report.device}",
        "",
        *_table(report),
        "",
        f"Worst condition: {report.worst}; best: {report.best}; gap of coherence {report.gap:.4f}.",
        "",
    ]
    if indicative:
        lines += [f"**The Frechet distances are indicative: n is {report.n}, under 256.**", ""]
    return "\n".join(lines)


def _table(report: EvaluateVideoResult) -> list[str]:
    names = [figure.extractor for figure in report.arms[0].frechet]
    head = ["arm", *(f"Frechet {name} (x noise, x real)" for name in names)]
    head += ["warp error", "motion gap", "copies", "CLIP"]
    rows = [_row(arm) for arm in report.arms]
    return [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]


def _row(arm: ArmReport) -> list[str]:
    score = "not measured" if arm.clip_score is None else f"{arm.clip_score:.3f}"
    figures = [_figure(figure) for figure in arm.frechet]
    measures = [f"{arm.tcs_flow_error:.4f}", f"{arm.motion_gap:.0%}", f"{arm.memorised_share:.1%}"]
    return [arm.arm, *figures, *measures, score]


def _figure(figure: FrechetFigure) -> str:
    return f"{figure.value:.4g} ({figure.of_noise:.3g}, {figure.of_real:.3g})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
