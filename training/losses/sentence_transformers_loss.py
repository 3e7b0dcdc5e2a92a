"""The graded losses as a module that sentence-transformers' own Trainer takes, for any base model that it can load.

A data set has the columns `query`, `product_1` ... `product_k` and `label`, a list of k grades:

    loss = GradedLoss(model, partial(circle, centres=(.3, .5, .7)))
    SentenceTransformerTrainer(model=model, train_dataset=rows, loss=loss).train()

All products of a batch are in every row, so that n queries with k products each have n * k columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.rows import UNLABELLED, RowLoss, cosines

__all__ = ["GradedLoss", "batch_rows"]

Features = Mapping[str, Tensor]


class GradedLoss(nn.Module):
    """A loss over rows of a model's cosines. `MatryoshkaLoss` of sentence-transformers may be put around it."""

    def __init__(self, model: nn.Module, loss: RowLoss) -> None:
        """`model`: a SentenceTransformer; `loss`: any of this package, its hyper-parameters fixed by `partial`."""
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """The loss of a batch. `labels` has shape (n, k), int64; UNLABELLED pads rows of fewer products.

        Raises InvalidInput for labels of another shape.
        """
        features = list(sentence_features)
        grades, ignored = batch_rows([_texts(column) for column in features], labels)
        vectors = [self.model(column)["sentence_embedding"] for column in features]
        products = torch.stack(vectors[1:], dim=1).flatten(0, 1)
        return self.loss(cosines(vectors[0], products), grades, ignored=ignored)

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of the loss."""
        return {"loss": repr(self.loss)}


def batch_rows(columns: list[list[tuple[int, ...]]], labels: Tensor) -> tuple[Tensor, Tensor]:
    """Grades and ignored entries of a batch, shape (n, n * k) both; row i's products are columns i k to i k + k - 1.

    Args:
        columns: Token ids by column, the queries first, then the k columns of products; n texts each.
        labels: Shape (n, k), int64.

    A row ignores what it would wrongly call irrelevant: other rows' copies of its own products, and the products of
    other rows with the same query, whose grades it shares but does not count twice. Every row ignores what pads.
    Raises InvalidInput if there is no product column, or labels that do not fit.
    """
    n, k = len(columns[0]), len(columns) - 1
    if k < 1 or tuple(labels.shape) != (n, k) or labels.dtype != torch.int64:
        raise InvalidInput(
            f"{n} queries with {k} products each want (n, k) int64 grades, got {tuple(labels.shape)}, {labels.dtype}.",
            hint="Columns: query, product_1 ... product_k, and label, a list of k whole numbers.",
            field="labels",
        )
    own = torch.eye(n, dtype=torch.bool, device=labels.device).repeat_interleave(k, dim=1)
    grades = labels.flatten().expand(n, -1).where(own, labels.new_tensor(UNLABELLED))
    codes: dict[tuple[int, ...], int] = {}
    numbered = torch.tensor(
        [[codes.setdefault(text, len(codes)) for text in column] for column in columns], device=labels.device
    )
    queries, products = numbered[0], numbered[1:].T
    owned = (products[:, :, None] == products.flatten()).any(dim=1)
    same_query = (queries[:, None] == queries).repeat_interleave(k, dim=1)
    return grades, ((owned | same_query) & ~own) | (labels.flatten() == UNLABELLED)


def _texts(features: Features) -> list[tuple[int, ...]]:
    """The token ids of each text, without what pads them."""
    ids, mask = features["input_ids"], features["attention_mask"].bool()
    return [tuple(row[kept].tolist()) for row, kept in zip(ids, mask, strict=True)]
