"""Vectors of words."""

from yuanli.words.corpus import Corpus
from yuanli.words.keyed_vectors import KeyedVectors
from yuanli.words.vocabulary import Noise, Vocabulary
from yuanli.words.word2vec import Word2Vec

__all__ = ["Corpus", "KeyedVectors", "Noise", "Vocabulary", "Word2Vec"]
