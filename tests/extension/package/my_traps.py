"""Networks of one's own that cannot be used as they are, and one that can with a word more."""

from my_networks import Plain
from torch import Tensor, nn


class WithSizes(Plain):
    """Needs a second input."""

    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        """Return logits."""
        return super().forward(images) * sizes


class Pair(Plain):
    """Answers with two tensors that may be logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits of images and of their negatives."""
        return super().forward(images), super().forward(-images)


class Probabilities(Plain):
    """Answers with a softmax."""

    def forward(self, images: Tensor) -> Tensor:
        """Return probabilities."""
        return super().forward(images).softmax(1)


class Everywhere(Plain):
    """The image goes into the last sum."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return super().forward(images) + images.mean((1, 2, 3))[:, None]


class Deciding(Plain):
    """Decides by what it sees."""

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        if images.mean() > 0.5:
            images = images / 2
        return super().forward(images)


class Coloured(nn.Module):
    """Takes images of three channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.head = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Linear(8, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.head(self.body(self.stem(images).relu()).relu().mean((2, 3)))


class Flat(nn.Module):
    """Has vectors alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.head(self.second(self.first(images.flatten(1)).relu()).relu())
