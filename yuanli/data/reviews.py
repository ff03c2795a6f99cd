"""Made-up reviews whose meaning is in the order of their words: a bag of words hardly knows what they say."""

from collections.abc import Callable

import numpy as np

from yuanli.data.dataset import Dataset, Feature
from yuanli.errors import ValueRangeError
from yuanli.random import generator

CLASSES = ("negative", "positive")

THINGS = ("film", "story", "music", "cast", "ending", "plot", "acting", "camera", "dialogue", "first half")
DEGREES = ("", "", "really ", "very ", "rather ")
WORDS = (
    ("boring", "dull", "weak", "clumsy", "tiresome", "awful", "shallow", "forgettable"),
    ("good", "funny", "moving", "brilliant", "clever", "thrilling", "charming", "wonderful"),
)

THINGS_ZH = ("画面", "故事", "音乐", "演员", "结局", "情节", "对白", "剪辑", "开头", "主角")
DEGREES_ZH = ("很", "很", "真", "非常", "相当")
WORDS_ZH = (
    ("无聊", "难看", "糟糕", "乏味", "平庸", "拖沓", "老套", "尴尬"),
    ("精彩", "好看", "感人", "有趣", "出色", "动人", "紧凑", "新颖"),
)


def reviews(n: int = 2000, *, rng: np.random.Generator | None = None) -> Dataset:
    """n sentences on films, half of them positive; "not" turns a word round, "but" and "although" a clause.

    "although the plot was not dull, the ending was really weak": of two clauses the main one decides, which
    is the one after "but", or the one without "although".
    """

    def clause(rng: np.random.Generator, feeling: int) -> str:
        turned = bool(rng.random() < 0.4)
        how = "not " if turned else rng.choice(DEGREES)
        return f"the {rng.choice(THINGS)} was {how}{rng.choice(WORDS[feeling ^ turned])}"

    forms = (
        "{main} .",
        "{other} , but {main} .",
        "although {other} , {main} .",
        "{main} , although {other} .",
    )
    return _dataset("reviews", n, forms, clause, generator(rng))


def reviews_zh(n: int = 2000, *, rng: np.random.Generator | None = None) -> Dataset:
    """The same in Chinese: 不 turns a word round, 但是 and 虽然 a clause."""

    def clause(rng: np.random.Generator, feeling: int) -> str:
        turned = bool(rng.random() < 0.4)
        how = rng.choice(("不", "并不")) if turned else rng.choice(DEGREES_ZH)
        return f"{rng.choice(THINGS_ZH)}{how}{rng.choice(WORDS_ZH[feeling ^ turned])}"

    forms = ("{main}。", "{other}，但是{main}。", "虽然{other}，但{main}。", "{main}，虽然{other}。")
    return _dataset("reviews_zh", n, forms, clause, generator(rng))


def _dataset(
    name: str,
    n: int,
    forms: tuple[str, ...],
    clause: Callable[[np.random.Generator, int], str],
    rng: np.random.Generator,
) -> Dataset:
    if n < 2:
        raise ValueRangeError(f"needs at least 2 reviews, got n={n}")
    y = rng.permutation(np.arange(n, dtype=np.int64) % 2)
    texts = [
        str(rng.choice(forms)).format(main=clause(rng, feeling), other=clause(rng, 1 - feeling))
        for feeling in y.tolist()
    ]
    return Dataset(name, np.array(texts, np.dtypes.StringDType()), y, CLASSES, (Feature("text"),))
