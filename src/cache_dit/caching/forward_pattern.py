"""What a block takes and returns: the six shapes that the blocks of diffusion transformers have."""

from __future__ import annotations

from enum import Enum

HIDDEN = "hidden_states"
ENCODER = "encoder_hidden_states"


class ForwardPattern(Enum):
    """Streams that go into a block and come out of it, in order.

    A stream is a tensor that a block hands on to the next one: the denoised states, and in many
    models the text states beside them.
    """

    Pattern_0 = ((HIDDEN, ENCODER), (HIDDEN, ENCODER))
    Pattern_1 = ((HIDDEN, ENCODER), (ENCODER, HIDDEN))
    Pattern_2 = ((HIDDEN, ENCODER), (HIDDEN,))
    Pattern_3 = ((HIDDEN,), (HIDDEN,))
    Pattern_4 = ((HIDDEN,), (HIDDEN, ENCODER))
    Pattern_5 = ((HIDDEN,), (ENCODER, HIDDEN))

    @property
    def In(self) -> list[str]:
        """Names of the streams that go in."""
        return list(self.value[0])

    @property
    def Out(self) -> list[str]:
        """Names of the streams that come out, in the order in which the block returns them."""
        return list(self.value[1])

    @property
    def Return_H_First(self) -> bool:
        """Whether the denoised states are the first output."""
        return self.value[1][0] == HIDDEN

    @property
    def Return_H_Only(self) -> bool:
        """Whether the denoised states are the only output."""
        return self.value[1] == (HIDDEN,)

    @property
    def Forward_H_only(self) -> bool:
        """Whether the denoised states are the only input."""
        return self.value[0] == (HIDDEN,)

    @staticmethod
    def supported_patterns() -> list[ForwardPattern]:
        """All patterns."""
        return list(ForwardPattern)


Pattern_0 = ForwardPattern.Pattern_0
Pattern_1 = ForwardPattern.Pattern_1
Pattern_2 = ForwardPattern.Pattern_2
Pattern_3 = ForwardPattern.Pattern_3
Pattern_4 = ForwardPattern.Pattern_4
Pattern_5 = ForwardPattern.Pattern_5
