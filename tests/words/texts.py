"""Small texts whose words have neighbours of their own."""

import numpy as np

THEMES = {
    "sea": ["ship", "sail", "wave", "harbour", "sailor", "anchor"],
    "farm": ["cow", "barn", "hay", "field", "farmer", "plough"],
    "town": ["street", "shop", "tram", "market", "mayor", "bridge"],
}


def sentences(many=400, seed=0):
    """Each of words of one theme, with "the" between them now and then."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(many):
        theme = list(THEMES.values())[rng.integers(3)]
        words = [theme[i] for i in rng.integers(0, 6, 8)]
        result.append([w for word in words for w in (("the", word) if rng.random() < 0.3 else (word,))])
    return result
