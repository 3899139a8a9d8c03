"""Feature-wise linear modulation: the query steers every convolution of a network.

A *site* is a place that is modulated, named by its path with arrows as in the published checkpoints, for instance
``encoder_block1->conv_block1->beta1``.
"""

from typing import Literal

from torch import Tensor, nn

FilmKind = Literal["shift", "scale-shift"]


class Film(nn.Module):
    """One linear layer a site, from the condition to a shift and, for ``scale-shift``, a scale around 1.

    Args:
        sites: number of channels at each site, by the name of its shift (``…->beta1``).
        condition_size: size of the query's pooled vector.
        kind: ``shift`` (published networks) or ``scale-shift``.
        projection: with a positive number the condition first passes a small network of that width. It keeps the
            many linear layers small and lets wordings of one sound meet before they steer anything.
        gain: what the condition is multiplied by first. The values of a vector of unit length are so small that a
            network which starts from them hardly hears the query; the root of ``condition_size`` makes them about 1.
    """

    def __init__(
        self, sites: dict[str, int], condition_size: int, kind: FilmKind, projection: int = 0, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.sites = sites
        self.gain = gain
        self.scales = kind == "scale-shift"
        self.projection: nn.Module = nn.Identity()
        if projection:
            self.projection = nn.Sequential(
                nn.Linear(condition_size, 2 * projection), nn.SiLU(), nn.Linear(2 * projection, projection), nn.SiLU()
            )
        width = projection or condition_size
        for site, channels in sites.items():
            self.add_module(site, _linear(width, channels))
            if self.scales:
                self.add_module(scale_name(site), _linear(width, channels))

    def forward(self, condition: Tensor) -> dict[str, tuple[Tensor | None, Tensor]]:
        """``(batch, condition_size)`` to scale (None for ``shift``) and shift, ``(batch, channels, 1, 1)``, by site."""
        condition = self.projection(condition * self.gain)
        return {site: (self._scale(site, condition), self._linear(site, condition)) for site in self.sites}

    def _scale(self, site: str, condition: Tensor) -> Tensor | None:
        return 1.0 + self._linear(scale_name(site), condition) if self.scales else None

    def _linear(self, name: str, condition: Tensor) -> Tensor:
        return self.get_submodule(name)(condition)[:, :, None, None]


def scale_name(site: str) -> str:
    """The name of a site's scale, from the name of its shift."""
    return site.replace("beta", "gamma")


def modulate(x: Tensor, modulation: tuple[Tensor | None, Tensor]) -> Tensor:
    """Scale and shift ``(batch, channels, frames, bins)``."""
    scale, shift = modulation
    return x + shift if scale is None else x * scale + shift


def _linear(size: int, channels: int) -> nn.Linear:
    layer = nn.Linear(size, channels)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
