"""The pages in a real browser, light and dark: no request, no error, no serious finding of axe,
controls that do what they say, and nothing cut off on a phone or on paper.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from support import ROOT
from support.report_runs import build, pull

from callveil.schemas.report import REPORTS

HERE = Path(__file__).parent
INSTALLED = ROOT / "build" / "browser"
PAGES = ["index.html", *(f"{name}.html" for name in REPORTS)]


@pytest.mark.integration
def test_pages_in_chromium(tmp_path: Path) -> None:
    browser = os.environ.get("CALLVEIL_TEST_BROWSER")
    if not browser:
        pytest.skip("needs Chromium, playwright-core and axe-core: deploy/browser.sh pytest ...")
    place = build(tmp_path)
    out = tmp_path / "out"
    pull(place, out, "all", "--csv")
    words = [
        "node",
        str(HERE / "browser" / "check.mjs"),
        browser,
        str(out),
        os.environ.get("CALLVEIL_TEST_SHOTS", ""),
        *PAGES,
    ]
    done = subprocess.run(words, cwd=INSTALLED, capture_output=True, text=True, timeout=2400)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert [(f["page"], f["scheme"]) for f in found] == [
        (p, s) for p in PAGES for s in ("light", "dark")
    ]
    for page in found:
        where = f"{page['page']} in {page['scheme']}"
        assert page["requests"] == [], f"{where} asks for {page['requests']}"
        assert page["errors"] == [], f"{where}: {page['errors']}"
        assert page["controls"] == [], f"{where}: {page['controls']}"
        assert page["cut"] == [], f"{where}: {page['cut']}"
        serious = [v for v in page["axe"] if v["impact"] in ("serious", "critical", "moderate")]
        assert serious == [], f"{where}: {json.dumps(serious, indent=1)}"
        assert page["drawn"] == page["canvases"], f"{where}: a chart is not drawn"
    assert sum(p["canvases"] for p in found) >= 20
