"""Captions become word numbers, or a message that says which words there are."""

from __future__ import annotations

import pytest
import torch

from cache_dit.demo import CaptionEncoder

VOCABULARY = ["<pad>", "flat", "3d", "on-sky", "red", "apple", "cat"]


@pytest.fixture
def encoder() -> CaptionEncoder:
    return CaptionEncoder(vocabulary=VOCABULARY, width=8, max_words=4)


def test_words_articles_and_backgrounds_are_read(encoder: CaptionEncoder) -> None:
    ids = encoder.tokenize(["A 3D red apple, on the sky background", ""])
    assert ids.tolist() == [[2, 4, 5, 3], [0, 0, 0, 0]]


def test_an_unknown_word_is_named_with_its_nearest_known_ones(encoder: CaptionEncoder) -> None:
    with pytest.raises(ValueError, match=r"'aple' \(nearest: apple\)") as error:
        encoder.tokenize(["red aple on skye"])
    assert "'on-skye' (nearest: on-sky" in str(error.value)
    assert "'red'" not in str(error.value)


def test_a_caption_with_too_many_words_is_refused(encoder: CaptionEncoder) -> None:
    with pytest.raises(ValueError, match=r"5 words .* up to 4"):
        encoder.tokenize(["flat 3d red apple cat"])


def test_the_order_of_words_does_not_change_the_pooled_vector(encoder: CaptionEncoder) -> None:
    _, pooled = encoder(encoder.tokenize(["red apple", "apple red"]))
    torch.testing.assert_close(pooled[0], pooled[1])


def test_padding_does_not_count_in_the_pooled_vector(encoder: CaptionEncoder) -> None:
    _, pooled = encoder(encoder.tokenize(["red apple", "cat", ""]))
    table = encoder.pooled.weight
    torch.testing.assert_close(pooled[0], (table[4] + table[5]) / 2**0.5)
    torch.testing.assert_close(pooled[1], table[6])
    assert torch.equal(pooled[2], torch.zeros(8))
