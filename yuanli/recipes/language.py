"""Language models: RNN, LSTM and GRU learn to predict the next token of a text."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from yuanli import data as sets
from yuanli.data import Dataset, Split
from yuanli.data.bundled import split
from yuanli.data.catalog import TABLES, is_known
from yuanli.data.text import text_dataset
from yuanli.data.tokens import UNITS, UNKNOWN, Vocabulary, tokenize
from yuanli.errors import CheckpointError, DataError
from yuanli.models import LanguageModel
from yuanli.models.language_model import next_token_loss
from yuanli.optim import ElasticNet, NoImprovement
from yuanli.recipes.fine_tuning import start_from
from yuanli.recipes.learn import keep_aside
from yuanli.recipes.recipe import Evaluation, Recipe, kept, trained_seconds
from yuanli.recipes.settings import Settings, number, one_of, whole
from yuanli.recipes.threads import suitable_threads
from yuanli.recipes.writer import Writer, streams_of, text_of, unit
from yuanli.training import Hook, Run, Training, fit, judge

ENOUGH = 9_000_000  # tokens seen in training, those of all epochs together
SHOWN = 600  # tokens of the sample in a report


@dataclass(frozen=True)
class LanguageSettings(Settings):
    """tokens: characters, words or jieba; of words those seen `min_count` times are known, at most `most`.

    batch_size: streams side by side; steps: tokens after which the gradient is cut off.
    """

    tokens: str = "characters"
    min_count: int = 2
    most: int = 10_000
    steps: int = 64
    embedding_dim: int = 64
    hidden_size: int = 256
    num_layers: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("kind of tokens", self.tokens, UNITS)
        for name in ("min_count", "most", "steps", "embedding_dim", "hidden_size", "num_layers"):
            self._check(name, whole(value := getattr(self, name)) and value >= 1, "a whole number from 1 up")
        self._check("augment", not self.augment, "to be left out: there are no images to shift")


class Perplexity(Hook):
    """Adds e to the power of the mean loss, the perplexity, to each epoch's row."""

    def on_epoch(self, training: Training) -> None:
        row = training.rows[-1]
        for part in ("train", "validation"):
            if f"{part}_loss" in row:
                row[f"{part}_perplexity"] = math.exp(min(row[f"{part}_loss"], 700))


class Language(Recipe):
    """A recurrent network that continues texts; each subclass says of which kind."""

    reads: ClassVar[str] = "text"
    then: ClassVar[str] = "generate {run} --prompt TEXT"
    compared: ClassVar[bool] = False

    def load(self, spec: str, *, test_size: float = 0.1, **options: Any) -> Any:
        """Any file but a table is read as text; the end of it is the test."""
        path = Path(spec).expanduser()
        if is_known(spec) or not path.is_file() or path.suffix.lower() in TABLES or options.get("target"):
            return sets.load(spec, test_size=test_size, **options)
        return split(text_dataset(path), test_size=test_size)

    def unsuited(self, data: Split) -> str:
        if data.train.is_documents:
            return "it continues one long text, and these are many with labels: textlstm classifies them"
        return "" if data.train.is_text else "it continues a text (.txt), and this is none"

    def options(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(LanguageSettings))

    def choose(self, data: Split, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            one_of(f"option of {self.name}", name, self.options())
        tokens = given.get("tokens", "characters")
        one_of("kind of tokens", tokens, UNITS)
        validation = given.get("validation", 0.1)
        learned, _ = keep_aside(data.train, validation if number(validation) else 0.1, 0)
        n = len(learned) if tokens == "characters" else len(tokenize(text_of(learned), tokens))
        defaults = LanguageSettings(
            epochs=int(np.clip(round(ENOUGH / max(n, 1)), 1, 50)),
            lr=0.004,
            batch_size=int(np.clip(n // 512, 1, 32)),
            schedule="cosine",
            dropout=0.2,
            patience=5,
            clip=5.0,
        )
        if not validation:
            defaults = replace(defaults, patience=None)
        settings = replace(defaults, **given)
        if tokens != "characters" and len(known_words(learned, settings)) < 2:
            raise DataError(
                f"{data.name}: no word is seen {settings.min_count} times; "
                "take more text or a lower min_count"
            )
        if n <= settings.steps:
            raise DataError(
                f"{data.name}: {n} {unit(tokens)} to learn from are fewer than one stretch of "
                f"{settings.steps} steps; take more text, or fewer steps (--set steps=N)"
            )
        if n // settings.batch_size < 2:
            raise DataError(
                f"{data.name}: {n} {unit(tokens)} are too few for {settings.batch_size} streams; "
                "take a smaller batch_size"
            )
        return asdict(settings)

    def learn(
        self,
        settings: dict[str, Any],
        data: Split,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> Writer:
        chosen = LanguageSettings(**settings)
        train, validation = keep_aside(data.train, chosen.validation, seed)
        is_text = chosen.tokens == "characters"
        vocabulary = Vocabulary(train.classes) if is_text else known_words(train, chosen)
        writer = self.untrained(settings, chosen.tokens, vocabulary, np.random.default_rng([seed, 0]))
        model = writer.model
        start_from(model, chosen.weights if resume is None else None, chosen.freeze)
        batches = streams_of(writer, train, chosen.batch_size, chosen.steps)
        with suitable_threads(writer.parameters * chosen.batch_size * chosen.steps):
            training = fit(
                model,
                next_token_loss,
                chosen.make_optimizer(model),
                batches,
                epochs=chosen.epochs,
                schedule=chosen.make_schedule(chosen.epochs * len(batches)),
                penalty=ElasticNet(chosen.l1, chosen.l2) if chosen.l1 or chosen.l2 else None,
                clip=chosen.clip or math.inf,
                validation=None if validation is None else streams_of(writer, validation),
                stop_at_epoch=NoImprovement(chosen.patience, better="lower") if chosen.patience else None,
                hooks=[Perplexity(), *hooks],
                resume=resume,
            )
        if chosen.patience and training.best:
            model.load_state_dict(training.best)
        model.eval()
        return writer

    def untrained(
        self, settings: dict[str, Any], tokens: str, vocabulary: Vocabulary, rng: np.random.Generator
    ) -> Writer:
        names = ("embedding_dim", "hidden_size", "num_layers", "dropout")
        options = {name: settings[name] for name in names}
        return Writer(self, LanguageModel(len(vocabulary), self.name, rng=rng, **options), tokens, vocabulary)

    def restore(self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any]) -> Writer:
        try:
            vocabulary = Vocabulary(config["vocabulary"])
            writer = self.untrained(settings, config["tokens"], vocabulary, np.random.default_rng(0))
            writer.model.load_state_dict(state["learned"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the run's config and its model do not fit: {error!r}") from None
        writer.model.eval()
        return writer

    def evaluate(self, run: Run, model: Writer, data: Split) -> Evaluation:
        if reason := self.unsuited(data):
            raise DataError(f"{self.name} does not suit {data.name}: {reason}")
        streams = streams_of(model, data.test)
        began = time.perf_counter()
        with suitable_threads(model.parameters * streams.batch_size * streams.steps):
            loss = judge(model.model, next_token_loss, streams)["loss"]
        seconds = time.perf_counter() - began
        metrics = {
            "examples": streams.length * streams.batch_size,
            "loss": loss,
            "perplexity": math.exp(min(loss, 700)),
            "bits": loss / math.log(2),
        }
        return Evaluation(
            self.name,
            data.test.name,
            metrics,
            seconds / metrics["examples"] * 1e6,
            model.parameters,
            trained_seconds(run),
            data.notes,
            unit(model.tokens),
        )

    def report(self, run: Run, model: Writer, data: Split) -> None:
        from yuanli.inspection.charts import learning_curves
        from yuanli.inspection.page import write_page

        judged = kept(run)
        m = judged.metrics
        facts = {
            f"loss in nats a {unit(model.tokens)[:-1]}": f"{m['loss']:.3f}",
            "perplexity": f"{m['perplexity']:.2f}",
            "known tokens": f"{len(model.vocabulary):,}",
            "trainable parameters": f"{model.parameters:,}",
            "training time": f"{judged.train_seconds:.0f} s",
        }
        prompt = text_of(data.test.subset(np.arange(min(40, len(data.test)))))
        rng = np.random.default_rng(run.config["seed"])
        text = model.write(prompt, SHOWN, temperature=0.8, rng=rng)
        write_page(
            run.report_path,
            title=f"{self.title}: {data.name}",
            data=f"{data.name}: judged on {m['examples']:,} {judged.unit} it has not learned from",
            facts=facts,
            figures=[(learning_curves(run.metrics()), "Learning curves")],
            texts=[("A text of its own, temperature 0.8, begun with words of the test text", text)],
            command=run.config["command"],
            config=run.config,
            notes=data.notes,
        )


class RNN(Language):
    name = "rnn"
    title = "RNN language model"
    title_zh = "RNN 语言模型"


class LSTM(Language):
    name = "lstm"
    title = "LSTM language model"
    title_zh = "LSTM 语言模型"


class GRU(Language):
    name = "gru"
    title = "GRU language model"
    title_zh = "GRU 语言模型"


def known_words(data: Dataset, settings: LanguageSettings) -> Vocabulary:
    """What is frequent enough of the words of a text, after "<unk>"."""
    every = tokenize(text_of(data), settings.tokens)
    return Vocabulary.of(every, first=(UNKNOWN,), min_count=settings.min_count, most=settings.most)
