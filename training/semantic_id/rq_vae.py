"""RQ-VAE: encoder, codebooks and decoder learned together (Lee et al., CVPR 2022; TIGER, NeurIPS 2023).

    L = |x - x'|^2 + sum_l ( |sg[r_l] - e_l|^2 + commitment * |r_l - sg[e_l]|^2 )

The gradient passes the quantiser straight through. Codebooks start from residual k-means of the untrained encoder's
output, and tokens that no product of a round used start anew from residuals of products drawn at random. The decoder is
for training alone. Needs torch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.semantic_ids.quantiser import Affine, Codebook, ResidualQuantiser
from multirecall.training.semantic_id.residual import ResidualKMeans

__all__ = ["RqVae"]

_REVIVED_FROM = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RqVae:
    """How it is trained: `hidden` widths between the vector and the `width` that is quantised; Adam."""

    sizes: tuple[int, ...] = (64, 64, 64)
    hidden: tuple[int, ...] = (256,)
    width: int = 32
    rounds: int = 20
    batch: int = 256
    learning_rate: float = 1e-3
    commitment: float = 0.25
    seed: int = 0

    def fit(self, vectors: Float32Array) -> ResidualQuantiser:
        """Codebooks of vectors (n, dim), with the encoder's maps. Reproducible on one machine and thread count.

        Raises InvalidInput without a vector.
        """
        if vectors.ndim != 2 or not len(vectors):
            raise InvalidInput("An RQ-VAE needs at least one vector.", field="vectors")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = _Model((vectors.shape[1], *self.hidden, self.width), len(self.sizes), max(self.sizes))
            return self._trained(model, torch.from_numpy(np.asarray(vectors, dtype=np.float32)))

    def _trained(self, model: _Model, vectors: Tensor) -> ResidualQuantiser:
        with torch.no_grad():
            books = (
                ResidualKMeans(sizes=self.sizes, inits=1, seed=self.seed).fit(model.encoder(vectors).numpy()).codebooks
            )
        model.books = nn.ParameterList(nn.Parameter(torch.from_numpy(book.centroids.copy())) for book in books)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        for _ in range(self.rounds):
            used = [torch.zeros(size, dtype=torch.bool) for size in self.sizes]
            drawn = torch.randperm(len(vectors))
            for start in range(0, len(vectors), self.batch):
                places = drawn[start : start + self.batch]
                loss, codes, _ = model.loss(vectors[places], self.commitment)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                for layer, column in zip(used, codes, strict=True):
                    layer[column] = True
            model.revive(used, vectors[drawn[:_REVIVED_FROM]])
        return ResidualQuantiser(
            codebooks=tuple(Codebook.of(book.detach().numpy()) for book in model.books), encoder=model.maps()
        )


class _Model(nn.Module):
    """`loss` gives the codes and the residuals (before each layer) of its batch too."""

    def __init__(self, widths: tuple[int, ...], layers: int, codes: int) -> None:
        super().__init__()
        self.encoder = _perceptron(widths)
        self.decoder = _perceptron(widths[::-1])
        self.books = nn.ParameterList(nn.Parameter(torch.empty(codes, widths[-1])) for _ in range(layers))

    def loss(self, vectors: Tensor, commitment: float) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        encoded = self.encoder(vectors)
        left, codes, residuals, loss = encoded, [], [], vectors.new_zeros(())
        for book in self.books:
            with torch.no_grad():
                code = torch.cdist(left, book).argmin(dim=1)
            chosen = book[code]
            loss = loss + functional.mse_loss(chosen, left.detach(), reduction="sum")
            loss = loss + commitment * functional.mse_loss(left, chosen.detach(), reduction="sum")
            codes.append(code)
            residuals.append(left.detach())
            left = left - chosen.detach()
        quantised = encoded - left.detach()  # the value is the sum of the codes, the gradient that of the encoder
        loss = loss + functional.mse_loss(self.decoder(quantised), vectors, reduction="sum")
        return loss / len(vectors), codes, residuals

    @torch.no_grad()
    def revive(self, used: list[Tensor], vectors: Tensor) -> None:
        _, _, residuals = self.loss(vectors, 0.0)
        for book, seen, left in zip(self.books, used, residuals, strict=True):
            idle = torch.nonzero(~seen)[:, 0]
            book[idle] = left[torch.randint(len(left), (len(idle),))]

    def maps(self) -> tuple[Affine, ...]:
        affine = [one for one in self.encoder if isinstance(one, nn.Linear)]
        return tuple(
            Affine(weights=one.weight.detach().numpy().T.copy(), bias=one.bias.detach().numpy().copy())
            for one in affine
        )


def _perceptron(widths: tuple[int, ...]) -> nn.Sequential:
    """Affine maps with a ReLU between two of them."""
    parts: list[nn.Module] = []
    for at, (inner, outer) in enumerate(itertools.pairwise(widths)):
        parts += [nn.ReLU()] if at else []
        parts.append(nn.Linear(inner, outer))
    return nn.Sequential(*parts)
