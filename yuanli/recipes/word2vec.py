"""word2vec: vectors of the words of a text."""

import inspect
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from yuanli.data.tokens import UNITS
from yuanli.errors import CheckpointError, DataError, ValueRangeError
from yuanli.recipes.recipe import Evaluation, Recipe, kept, trained_seconds
from yuanli.recipes.settings import one_of
from yuanli.training import Hook, Run
from yuanli.words import Corpus, KeyedVectors, Vocabulary, Word2Vec
from yuanli.words.corpus import PIECE

TOKENS = ("blanks", *UNITS[1:])  # characters have no vectors here
ENOUGH = 5_000_000  # words gone through in training, those of all epochs together
ON_THE_MAP = 150
LEFT_TO_TRAIN = ("self", "sentences", "corpus_file", "seed")


@dataclass
class Text:
    """A file of text, its words as `tokens` cuts them; or one of analogy questions."""

    path: Path
    notes: tuple[str, ...] = ()
    _corpora: dict[str, Corpus] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name.split(".")[0]

    def corpus(self, tokens: str) -> Corpus:
        one_of("kind of tokens", tokens, TOKENS)
        if tokens not in self._corpora:
            self._corpora[tokens] = Corpus(self.path, tokens)
        return self._corpora[tokens]

    @property
    def is_questions(self) -> bool:
        """Whether its first line begins with a colon: ": capital-common-countries"."""
        with open(self.path, "rb") as file:
            return file.read(1) == b":"


@dataclass
class Words:
    """A trained Word2Vec."""

    model: Word2Vec

    @property
    def wv(self) -> KeyedVectors:
        return self.model.wv

    @property
    def parameters(self) -> int:
        tables = 2 * len(self.wv) - self.model.hs  # the tree has an inner node less than leaves
        return tables * self.model.vector_size

    def config(self) -> dict[str, Any]:
        return {"words": self.wv.index_to_key}

    def state(self) -> dict[str, Any]:
        width, tables = self.model.vector_size, self.model.tables
        learned = {"vectors": tables.vectors.data[:, :width], "outputs": tables.outputs.data[:, :width]}
        return {"learned": learned | {"counts": self.model.vocabulary.counts}}


class Word2VecRecipe(Recipe):
    name = "word2vec"
    title = "word2vec"
    title_zh = "词向量"
    reads: ClassVar[str] = "text"
    then: ClassVar[str] = "similar {run} WORD"
    compared: ClassVar[bool] = False

    def load(self, spec: str, *, target: str | None = None, root: Any = None, **options: Any) -> Text:
        if target is not None:
            raise ValueRangeError(f"word2vec reads a text, which has no columns; got target={target!r}")
        path = Path(spec).expanduser()
        if not path.is_file():
            raise DataError(f"word2vec reads a text file of your own (.txt, .txt.gz), and {path} is none")
        return Text(path)

    def unsuited(self, data: Any) -> str:
        if not isinstance(data, Text):
            return "it reads a text (.txt, .txt.gz), and this is none"
        if data.is_questions:
            return "it reads a text, and these are questions: `yuanli evaluate RUN --data FILE` asks them"
        return ""

    def contents(self, data: Text) -> dict[str, str]:
        crc = 0
        with open(data.path, "rb") as file:
            while block := file.read(PIECE):
                crc = zlib.crc32(block, crc)
        return {"text": f"{crc:08x}"}

    def options(self) -> tuple[str, ...]:
        own = [name for name in inspect.signature(Word2Vec.__init__).parameters if name not in LEFT_TO_TRAIN]
        return ("tokens", *own)

    def choose(self, data: Text, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            one_of(f"option of {self.name}", name, self.options())
        parameters = inspect.signature(Word2Vec.__init__).parameters
        defaults = {name: parameters[name].default for name in self.options()[1:]}
        tokens = given.get("tokens", "words")
        words, counts = data.corpus(tokens).count()
        defaults["epochs"] = int(np.clip(round(ENOUGH / counts.sum()), 5, 50))
        settings = {"tokens": tokens} | defaults | given
        model = build(settings, 0)
        Vocabulary(words, counts, model.min_count, model.max_final_vocab)
        return settings | {"negative": model.negative}

    def learn(
        self,
        settings: dict[str, Any],
        data: Text,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> Words:
        model, corpus = build(settings, seed), data.corpus(settings["tokens"])
        model.build_vocab(corpus)
        model.train(corpus, hooks, resume)
        return Words(model)

    def restore(self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any]) -> Words:
        try:
            learned, model = state["learned"], build(settings, 0)
            model.start(Vocabulary(config["words"], learned["counts"]))
            for name, table in (("vectors", model.tables.vectors), ("outputs", model.tables.outputs)):
                table.data[:, : model.vector_size] = learned[name]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the run's config and its model do not fit: {error!r}") from None
        return Words(model)

    def evaluate(self, run: Run, model: Words, data: Text) -> Evaluation:
        began = time.perf_counter()
        if data.is_questions:
            share, sections = model.wv.evaluate_word_analogies(data.path)
            asked = sum(len(s["correct"]) + len(s["incorrect"]) for s in sections)
            metrics = {"examples": asked, "right": share} | {
                section["section"]: len(section["correct"]) / many
                for section in sections
                if (many := len(section["correct"]) + len(section["incorrect"]))
            }
        else:
            loss, asked = model.model.judge(data.corpus(run.config["settings"]["tokens"]))
            metrics = {"examples": asked, "loss": loss}
        return Evaluation(
            self.name,
            data.name,
            metrics,
            (time.perf_counter() - began) / asked * 1e6,
            model.parameters,
            trained_seconds(run),
            data.notes,
            "analogies" if data.is_questions else "predictions",
            self.contents(data) == run.config["data"]["contents"],
        )

    def report(self, run: Run, model: Words, data: Text) -> None:
        from yuanli.inspection.charts import learning_curves
        from yuanli.inspection.page import write_page
        from yuanli.inspection.word_map import spread_out, word_map

        judged, words = kept(run), model.wv.index_to_key[:ON_THE_MAP]
        facts = {
            "loss in nats a prediction": f"{judged.metrics['loss']:.3f}",
            "words": f"{len(model.wv):,}",
            "numbers a word": f"{model.model.vector_size}",
            "training time": f"{judged.train_seconds:.0f} s",
        }
        near = "\n".join(
            f"{word}: {', '.join(other for other, _ in model.wv.most_similar(word, topn=6))}"
            for word in words[len(words) // 3 :: 4]
        )
        write_page(
            run.report_path,
            title=f"{self.title}: {data.name}",
            data=f"{data.name}: {model.model.vocabulary.counts.sum():,} words",
            facts=facts,
            figures=[
                (word_map(words, spread_out(model.wv[words])), f"The {len(words)} most frequent words"),
                (learning_curves(run.metrics()), "Learning curve"),
            ],
            texts=[("Words and those nearest to them", near)],
            command=run.config["command"],
            config=run.config,
            notes=data.notes,
        )


def build(settings: dict[str, Any], seed: int) -> Word2Vec:
    return Word2Vec(**{name: value for name, value in settings.items() if name != "tokens"}, seed=seed)
