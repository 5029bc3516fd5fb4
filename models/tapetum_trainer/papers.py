"""What is written beside a bundle for people: its card, its figures with the worst mistakes, what it was made with."""

from pathlib import Path

from tapetum_trainer import reports, sbom
from tapetum_trainer.evaluate import answers
from tapetum_trainer.making import Made


def write(found: Made, path: Path) -> tuple[Path, ...]:
    """Write the papers of the bundle `path` beside it, and return their files.

    `.md` the model card, `.html` a page with all figures and the pictures of the worst mistakes, `.cdx.json` a software
    bill of materials of this environment (CycloneDX). Raises TrainerError where the bill cannot be made.
    """
    files = path.with_suffix(".md"), path.with_suffix(".html"), path.with_suffix(".cdx.json")
    files[0].write_text(found.bundle.card, encoding="utf-8")
    page = reports.evaluation(found.after, answers(found.model, found.judging), found.judging)
    files[1].write_text(page, encoding="utf-8")
    sbom.write(files[2])
    return files
