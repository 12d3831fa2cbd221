"""What the commands say and do of passages."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from hybrid_store.sync.splitting import Splitting
from hybrid_store.test.models import Manual, ManualPassage, Speech, SpeechParagraph
from hybrid_store.test.watching import count_documents_embedded
from tests.commands.conftest import Run

pytestmark = pytest.mark.django_db

LABEL = "hybrid_store_test.ManualPassage"
BODY = "A wing is a thing that flies.\n\nBoats float on the water.\n\nNobody knows why they do."


def test_texts_are_split_before_passages_are_embedded(run: Run) -> None:
    Manual.objects.create(title="", body=BODY)
    out = run("generate_embeddings", LABEL)
    assert f"{LABEL}.chunking: 1 row split in" in out
    assert "; passages: 3 new, 0 kept, 0 removed." in out
    assert f"{LABEL}.embedding: found 3 rows to embed." in out
    assert "Embedding stored for: Boats float on the water." in out
    assert not ManualPassage.objects.stale().exists()
    Manual.objects.update(body=BODY.replace("Boats", "Ships"))
    out = run("generate_embeddings", LABEL)
    assert "; passages: 1 new, 2 kept, 1 removed." in out
    assert "chunking" not in run("generate_embeddings", LABEL)


def test_without_labels_every_text_is_split(run: Run) -> None:
    Manual.objects.create(title="", body=BODY)
    Speech.objects.create(words="hello")
    run("generate_embeddings", verbosity=0)
    assert ManualPassage.objects.count() == 3
    assert SpeechParagraph.objects.count() == 1
    assert not SpeechParagraph.objects.stale().exists()


def test_other_labels_split_nothing(run: Run) -> None:
    Manual.objects.create(title="", body=BODY)
    run("generate_embeddings", "hybrid_store_test.Book")
    assert not ManualPassage.objects.exists()


def test_a_dry_run_tells_what_splitting_would_cost(run: Run) -> None:
    Manual.objects.create(title="", body=BODY)
    with count_documents_embedded() as texts:
        out = run("generate_embeddings", LABEL, "--dry-run")
    assert f"{LABEL}.chunking: 1 row to split into 3 passages, 3 of them to embed, about" in out
    assert "no PRICE is set" in out
    assert texts == []
    assert not ManualPassage.objects.exists()
    run("generate_embeddings", LABEL)
    assert f"{LABEL}.chunking: nothing to do." in run("generate_embeddings", LABEL, "--dry-run")


def test_an_interruption_ends_the_command_in_order(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Manual.objects.bulk_create([Manual(title="", body=BODY) for _ in range(40)])
    find = Splitting._find

    def stop_then_find(self: Splitting, *args: object) -> object:
        self.stop()
        return find(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Splitting, "_find", stop_then_find)
    with pytest.raises(CommandError, match="Interrupted") as caught:
        run("generate_embeddings", LABEL)
    assert caught.value.returncode == 130
    assert 0 < Splitting(ManualPassage.chunking).left() < 40


def test_verification_compares_passages_with_their_texts(run: Run) -> None:
    manual = Manual.objects.create(title="", body=BODY)
    Manual.objects.create(title="", body=" ")
    assert "0 passages read of 2 rows, 1 row not split yet." in run("verify_embeddings", LABEL)
    run("generate_embeddings", LABEL)
    out = run("verify_embeddings", LABEL)
    assert f"{LABEL}.chunking: 3 passages read of 2 rows, 0 rows not split yet." in out
    assert "every vector is sound and current" in out
    Manual.objects.filter(pk=manual.pk).update(title="edited")
    with pytest.raises(CommandError, match="Some embeddings are wrong"):
        run("verify_embeddings", LABEL)


def test_the_doctor_names_what_is_not_split(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Manual.objects.create(title="", body=BODY)
    with pytest.raises(CommandError, match="found wrong"):
        run("vector_doctor")
    run("generate_embeddings")
    assert f"✓ {LABEL}.embedding: 3 of 3 rows current, 0 stale" in run("vector_doctor")
    Manual.objects.update(title="edited")
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    with pytest.raises(CommandError, match="1 found wrong"):
        call_command("vector_doctor", stdout=out, no_color=True)
    assert "3 of 3 rows current, 0 stale, 1 rows of the parent not split" in out.getvalue()
    assert f"→ Run manage.py generate_embeddings {LABEL}.embedding." in out.getvalue()
