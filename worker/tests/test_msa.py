"""Alignments: once for each sequence, whoever asks; a busy server makes runs wait; uploaded ones fit their sequence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msa_server import MsaServer
from runs import Silent, request_of

from omtx_worker import msa
from omtx_worker.failure import Failure
from omtx_worker.runners import alignments
from omtx_worker.runners.sequence_input import Protein
from omtx_worker.settings import MsaSettings

ONE, OTHER = "MENFQKVEKIGEGTYGVVYK", "GTFHKEDLVARLKSEGVSFV"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MsaServer]:
    """A server, and a client that does not wait long between its questions."""
    monkeypatch.setattr(msa, "_PAUSE_S", (0.02, 0.05))
    with MsaServer() as running:
        yield running


def _settings(server: MsaServer | None, cache: Path | None, wait_s: float = 5.0) -> MsaSettings:
    return MsaSettings(server.url if server else None, cache, wait_s)


def _protein(sequence: str = ONE, **more: object) -> Protein:
    return Protein.model_validate({"name": "a protein", "sequence": sequence} | more)


def test_computed_once(server: MsaServer, tmp_path: Path) -> None:
    """Tickets are waited for, both databases' rows are there, and the next one asks nobody."""
    server.states = ["PENDING", "RUNNING", "RUNNING"]
    given = _settings(server, tmp_path / "cache")
    text = msa.unpaired(ONE, given, tmp_path, Silent())
    assert text.splitlines()[:4] == [">101", ONE, ">hit\tof uniref", f"-{ONE[1:]}"]
    assert text.count(ONE + "\n") == 1
    assert ">env" in text
    assert server.questions == [("/ticket/msa", {"q": f">101\n{ONE}\n", "mode": "env"})]
    assert msa.unpaired(ONE, given, tmp_path, Silent()) == text
    assert len(server.questions) == 1
    assert msa.kept_at(tmp_path / "cache", msa.key_of([ONE])).read_text() == text


def test_runs_at_once_ask_once(server: MsaServer, tmp_path: Path) -> None:
    """Eight children of one target wait for the first of them."""
    server.states = ["RUNNING"] * 8
    given = _settings(server, tmp_path / "cache")
    with ThreadPoolExecutor(8) as threads:
        texts = set(threads.map(lambda _: msa.unpaired(ONE, given, tmp_path, Silent()), range(8)))
    assert len(texts) == 1
    assert len(server.questions) == 1


def test_one_that_waits_too_long(server: MsaServer, tmp_path: Path) -> None:
    """It waits as a job, and leaves its machine to others."""
    server.states = ["RUNNING"] * 200
    slow = threading.Thread(
        target=lambda: msa.unpaired(ONE, _settings(server, tmp_path / "cache", 3), tmp_path, Silent()), daemon=True
    )
    slow.start()
    while not server.questions:
        time.sleep(0.01)
    with pytest.raises(Failure, match="which another run is computing") as failed:
        msa.unpaired(ONE, _settings(server, tmp_path / "cache", 0.3), tmp_path, Silent())
    assert failed.value.category == "quota"
    server.states = []
    slow.join()


@pytest.mark.parametrize(
    ("says", "category", "code"),
    [
        ("RATELIMIT", "quota", "msa_rate_limited"),
        ("MAINTENANCE", "quota", "msa_maintenance"),
        ("ERROR", "system", "msa_failed"),
    ],
)
def test_server_that_cannot_now(server: MsaServer, tmp_path: Path, says: str, category: str, code: str) -> None:
    """A busy server makes jobs wait, not fail; nothing is kept of it."""
    server.says = says
    with pytest.raises(Failure) as failed:
        msa.unpaired(ONE, _settings(server, tmp_path / "cache", 0.3), tmp_path, Silent())
    assert (failed.value.category, failed.value.code) == (category, code)
    if category == "quota":
        assert failed.value.message.startswith("waiting for the alignment")
    server.says = None
    assert msa.unpaired(ONE, _settings(server, tmp_path / "cache"), tmp_path, Silent())


def test_busy_for_a_while(server: MsaServer, tmp_path: Path) -> None:
    """It is asked again until it takes the question."""
    server.says = "RATELIMIT"
    threading.Timer(0.2, lambda: setattr(server, "says", None)).start()
    assert msa.unpaired(ONE, _settings(server, tmp_path / "cache"), tmp_path, Silent())


@pytest.mark.parametrize(("status", "category"), [(429, "quota"), (503, "transient")])
def test_status(server: MsaServer, tmp_path: Path, status: int, category: str) -> None:
    """What stands before the server speaks in status codes."""
    server.status = status
    with pytest.raises(Failure) as failed:
        msa.unpaired(ONE, _settings(server, tmp_path / "cache", 0.3), tmp_path, Silent())
    assert failed.value.category == category


@pytest.mark.parametrize(("said", "believed"), [("90", 90), ("soon", None), ("", None)])
def test_when_to_come_again(server: MsaServer, tmp_path: Path, said: str, believed: int | None) -> None:
    """A run that would wait longer than it may ends at once, and says when it is worth another try."""
    server.status, server.retry_after = 429, said
    with pytest.raises(Failure) as failed:
        msa.unpaired(ONE, _settings(server, tmp_path / "cache", 0.3), tmp_path, Silent())
    assert (failed.value.code, failed.value.retry_after_s) == ("msa_rate_limited", believed)
    assert believed is None or len(server.questions) == 1


def test_answer_of_another_sequence(server: MsaServer, tmp_path: Path) -> None:
    """It is not used and not kept."""
    server.wrong_sequence = True
    with pytest.raises(Failure, match="of another sequence"):
        msa.unpaired(ONE, _settings(server, tmp_path / "cache"), tmp_path, Silent())
    assert not msa.kept_at(tmp_path / "cache", msa.key_of([ONE])).exists()


def test_no_server(tmp_path: Path) -> None:
    """Its owner can upload one."""
    with pytest.raises(Failure, match="upload one") as failed:
        msa.unpaired(ONE, _settings(None, tmp_path / "cache"), tmp_path, Silent())
    assert failed.value.category == "user"


def test_variants_share_the_wild_types(server: MsaServer, tmp_path: Path) -> None:
    """One question for all, each with its own first row."""
    given = _settings(server, tmp_path / "cache")
    texts = [
        alignments.of_boltz([_protein(mutations=mutations)], given, tmp_path, Silent())[0].text
        for mutations in ([], ["M1A"], ["E2A", "K20R"])
    ]
    assert [msa.first_row(text) for text in texts] == [ONE, f"A{ONE[1:]}", f"MA{ONE[2:-1]}R"]
    assert len({text.partition(">hit")[2] for text in texts}) == 1
    assert len(server.questions) == 1


def test_several_proteins_are_paired(server: MsaServer, tmp_path: Path) -> None:
    """Rows that belong together have the same key, the rest -1, as Boltz writes them itself."""
    given = _settings(server, tmp_path / "cache")
    found = alignments.of_boltz([_protein(), _protein(OTHER, copies=2)], given, tmp_path, Silent())
    assert [one.form for one in found] == ["csv", "csv"]
    assert found[0].text.splitlines()[:4] == ["key,sequence", f"0,{ONE}", f"1,{ONE[:-1]}-", f"-1,-{ONE[1:]}"]
    assert found[1].text.splitlines()[1] == f"0,{OTHER}"
    assert [path for path, _ in server.questions] == ["/ticket/pair", "/ticket/msa", "/ticket/msa"]
    alignments.of_boltz([_protein(), _protein(OTHER)], given, tmp_path, Silent())
    assert len(server.questions) == 3


def _upload(tmp_path: Path, text: str, sequence: str = ONE, *, several: bool = False) -> alignments.Alignment | None:
    (tmp_path / "input-a").write_text(text)
    return alignments.uploaded(_protein(sequence, msa="a"), tmp_path, several=several)


def test_uploaded(tmp_path: Path) -> None:
    """Insertions and gaps of the first row do not count; the CSV form is known by its header."""
    assert _upload(tmp_path, f">q\r\n{ONE[:9]}ab-{ONE[9:]}\r\n>hit\r\n{ONE}\r\n").form == "a3m"
    assert _upload(tmp_path, f"sequence,key\n{ONE},0\n{'-' * 20},1\n", several=True).form == "csv"
    text = alignments.with_query(f"sequence,key\n{ONE},0\nrest,1\n", "csv", OTHER)
    assert text == f"sequence,key\n{OTHER},0\nrest,1\n"


@pytest.mark.parametrize(
    ("text", "several", "code", "words"),
    [
        (f">q\n{OTHER}\n", False, "msa_other", "at position 1 its first sequence has G, the target M"),
        (f">q\n{ONE}A\n", False, "msa_other", "has 21 residues, the target 20"),
        (f">q\n{ONE}\n", True, "msa_form", "columns sequence and key"),
        ("", False, "msa_empty", "no sequence"),
        ("key,sequence\n", False, "msa_empty", "no sequence"),
    ],
)
def test_uploaded_one_that_does_not_fit(tmp_path: Path, text: str, several: bool, code: str, words: str) -> None:
    """Said in words, with the place where it differs."""
    with pytest.raises(Failure, match=words) as failed:
        _upload(tmp_path, text, several=several)
    assert (failed.value.category, failed.value.code) == ("user", code)


def test_what_a_run_needs(server: MsaServer) -> None:
    """Sequences without an alignment of their own, and those of a complex together."""
    given = _settings(server, None)
    proteins = [{"name": "a", "sequence": ONE}, {"name": "b", "sequence": OTHER, "copies": 2}]
    asked = request_of("boltz2", "protein_complex", {"proteins": proteins})
    assert alignments.needed(asked, given) == [(ONE,), (OTHER,), (ONE, OTHER)]
    of_chai = request_of("chai1", "protein_complex", {"proteins": proteins})
    assert alignments.needed(of_chai, given) == [(ONE,), (OTHER,)]
    proteins[0]["msa"] = "a"
    assert alignments.needed(request_of("boltz2", "protein_complex", {"proteins": proteins}), given) == [(OTHER,)]
    assert alignments.needed(asked, _settings(None, None)) == []
