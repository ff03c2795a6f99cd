"""The vectors of a run of word2vec, to be asked."""

from pathlib import Path

from yuanli.errors import CheckpointError
from yuanli.recipes.evaluate import open_model
from yuanli.recipes.word2vec import Words
from yuanli.training import Run
from yuanli.words import KeyedVectors


def open_vectors(run: Run | str | Path) -> KeyedVectors:
    """The vectors of a run of word2vec.  Raises: CheckpointError when the run holds another model."""
    run = run if isinstance(run, Run) else Run.open(run)
    model = open_model(run)
    if not isinstance(model, Words):
        raise CheckpointError(f"{run.folder} holds a {run.config['model']}, which has no word vectors")
    return model.wv


def spelt(wv: KeyedVectors, word: str) -> str:
    """The word as the vectors know it: as given, or else in small letters.  Raises: UnknownNameError."""
    return word if word in wv or word.lower() not in wv else word.lower()
