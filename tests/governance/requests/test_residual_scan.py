"""Many identifiers sought in one pass over a file's bytes are those that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callveil.schemas.manifest import FileEntry
from callveil.transforms.governance.requests import residual_scan
from callveil.transforms.governance.requests.residual_scan import count_byte_hits
from callveil.transforms.storage.commit.catalog import Store
from callveil.transforms.storage.files.filesystem import Files

forms = st.lists(
    st.text("ab1", min_size=7, max_size=9).map(str.encode), min_size=17, max_size=40, unique=True
)


def naive(text: bytes, wanted: list[bytes]) -> dict[bytes, int]:
    """How often each form begins anywhere in a text."""
    return {f: sum(text.startswith(f, at) for at in range(len(text))) for f in wanted}


@given(wanted=forms, noise=st.lists(st.text("ab1 ", max_size=12), max_size=12), data=st.data())
def test_many_forms_are_counted_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory,
    wanted: list[bytes],
    noise: list[str],
    data: st.DataObject,
) -> None:
    planted = data.draw(st.lists(st.sampled_from(wanted), max_size=12))
    pieces = data.draw(st.permutations([*(n.encode() for n in noise), *planted]))
    text = b"".join(pieces)
    folder = tmp_path_factory.mktemp("files")
    (folder / "f").write_bytes(text)
    entry = FileEntry("f", "d", {}, 0, len(text), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(residual_scan, "PIECE", data.draw(st.integers(1, 40)))
        found = count_byte_hits(Store(Files(), str(folder)), [entry], wanted)
    assert {f: found[f] for f in wanted} == naive(text, wanted)


@pytest.mark.parametrize("few", [1, 40])
def test_forms_are_found_however_many_are_sought(tmp_path: Path, few: int) -> None:
    wanted = [f"+1212555{n:04d}".encode() for n in range(few)]
    (tmp_path / "f").write_bytes(b"ring +12125550000 today")
    entry = FileEntry("f", "d", {}, 0, 23, "")
    found = count_byte_hits(Store(Files(), str(tmp_path)), [entry], wanted)
    assert found == {wanted[0]: 1}
