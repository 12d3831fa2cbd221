"""Primary keys as text: Python and the database agree, and no two keys have one text."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hybrid_store.models.keys import key_from_text, key_text, key_text_expression
from hybrid_store.test.conformance.base import ConformanceBase
from hybrid_store.test.models import Book, Clause, Note, Novel, Passage, Recording, Term

__all__ = ["KeyConformance"]

CODE = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")

# PostgreSQL stores no NUL and no database stores lone surrogates.
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
words = st.text(",\\'ab%-") | any_text
numbers = st.integers(-(2**63), 2**63 - 1)
passages = st.tuples(words, st.uuids(), numbers, words)


class KeyConformance(ConformanceBase):
    def assert_agreed(self, row: Any, expected: str) -> None:
        model = type(row)
        rows = model._default_manager.annotate(key_as_text=key_text_expression(model))
        assert rows.values_list("key_as_text", flat=True).get(pk=row.pk) == expected
        assert rows.get(key_as_text=expected) == row
        assert key_text(model, row.pk) == expected
        assert key_from_text(model, expected) == row.pk

    def test_each_type_of_key_has_its_text(self) -> None:
        book = Book.objects.create(pk=-12, title="t")
        self.assert_agreed(book, "-12")
        self.assert_agreed(Novel.objects.create(title="t"), str(Book.objects.latest("pk").pk))
        self.assert_agreed(Note.objects.create(key=CODE), CODE.hex)
        self.assert_agreed(Recording.objects.create(key=uuid.UUID(int=1)), f"{1:032x}")
        self.assert_agreed(Clause.objects.create(tenant=-1, number=2), "-1,2")
        term = Term.objects.create(word="a,b\\c")
        self.assert_agreed(term, "a,b\\c")
        passage = Passage.objects.create(term=term, code=CODE, number=7, place="\\,")
        self.assert_agreed(passage, f"a\\,b\\\\c,{CODE.hex},7,\\\\\\,")

    @given(word=words, code=st.uuids(), number=numbers, place=words)
    def test_python_and_sql_agree_about_every_key(
        self, word: str, code: uuid.UUID, number: int, place: str
    ) -> None:
        term = Term.objects.create(word=word)
        self.assert_agreed(term, word)
        passage = Passage.objects.create(term=term, code=code, number=number, place=place)
        self.assert_agreed(passage, key_text(Passage, passage.pk))

    @given(key=passages)
    def test_a_text_gives_back_its_key_so_two_keys_have_two_texts(self, key: Any) -> None:
        assert key_from_text(Passage, key_text(Passage, key)) == key

    def test_a_key_may_be_given_as_it_is_assigned(self) -> None:
        assert key_text(Note, str(CODE)) == key_text(Note, CODE) == CODE.hex
        assert key_text(Book, "12") == key_text(Book, 12) == "12"
        assert key_text(Clause, ["1", 2]) == "1,2"

    def test_a_text_that_is_no_key_is_refused(self) -> None:
        for model, text in [
            (Book, "twelve"),
            (Note, "12345678"),
            (Clause, "1"),
            (Clause, "1,2,3"),
            (Clause, "1\\,2"),
            (Passage, "a,b,c,d"),
        ]:
            message = f"{text!r} is no primary key of hybrid_store_test.{model.__name__}."
            with self.subTest(text=text), self.assertRaisesMessage(ValueError, message):
                key_from_text(model, text)
