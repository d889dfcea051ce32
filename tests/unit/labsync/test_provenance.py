import shutil
import subprocess

import pytest

from labsync import provenance, store


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout of its own in the place of ours."""
    home = tmp_path / "checkout"
    (home / "labsync").mkdir(parents=True)
    (home / "labsync" / "old.py").write_text("A = 1\n")
    monkeypatch.setattr(provenance, "HOME", home)
    monkeypatch.setattr(provenance, "PACKAGES", ("labsync",))

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", "-C", home, *identity, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return home, git


def test_a_clean_checkout_is_its_revision(checkout, tmp_path):
    _, git = checkout
    found = provenance.collect()["git"]
    assert found == {"commit": git("rev-parse", "HEAD").strip(), "dirty": False, "diff": None}
    run = store.create(tmp_path, "counting", {})
    provenance.keep_code(run)
    assert not list(run.path.glob("*.diff"))


def test_what_is_not_committed_is_kept_so_that_the_code_can_be_had_again(checkout, tmp_path):
    home, git = checkout
    (home / "labsync" / "old.py").write_text("A = 2\n")
    (home / "labsync" / "new.py").write_text("B = 3\n")
    found = provenance.collect()["git"]
    assert found["dirty"]
    assert git("status", "--porcelain").split() == ["M", "labsync/old.py", "??", "labsync/new.py"]
    run = store.create(tmp_path, "counting", {})
    provenance.keep_code(run)
    provenance.keep_code(run)
    (kept,) = run.path.glob("*.diff")
    assert kept.name == found["diff"]
    again = tmp_path / "again"
    git("clone", "-q", str(home), str(again))
    subprocess.run(["git", "-C", again, "apply", kept], check=True)
    assert (again / "labsync" / "old.py").read_text() == "A = 2\n"
    assert (again / "labsync" / "new.py").read_text() == "B = 3\n"


def test_outside_a_checkout_there_is_no_revision(checkout):
    home, _ = checkout
    shutil.rmtree(home / ".git")
    assert provenance.collect()["git"] is None
