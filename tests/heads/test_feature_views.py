"""Augmented views: what they change follows from seed, view and image alone."""

import torch
from torch import Tensor

from aebnas.heads.features.views import RandomViews

VIEWS = RandomViews(seed=3)
IMAGES = torch.randint(0, 256, (10, 12, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def view(number: int, rows: Tensor | None = None, views: RandomViews = VIEWS) -> Tensor:
    rows = torch.arange(10) if rows is None else rows
    return views.view(IMAGES[rows], rows, number, count=10)


def test_the_first_view_is_the_image_as_it_is() -> None:
    assert torch.equal(view(0), IMAGES)


def test_a_view_is_uint8_of_the_images_size_and_differs_from_the_others() -> None:
    assert view(1).shape == IMAGES.shape
    assert view(1).dtype == torch.uint8
    assert not torch.equal(view(1), IMAGES)
    assert not torch.equal(view(1), view(2))


def test_a_view_does_not_depend_on_the_batch() -> None:
    rows = torch.tensor([7, 2, 5])
    assert torch.equal(view(1, rows), view(1)[rows])


def test_another_seed_gives_other_views() -> None:
    assert not torch.equal(view(1), view(1, views=RandomViews(seed=4)))
    assert RandomViews(seed=4).identity != VIEWS.identity


def test_a_flip_alone_mirrors_some_images_and_leaves_the_others() -> None:
    plain = RandomViews(seed=0, area=(1.0, 1.0), stretch=1.0, brightness=0.0, contrast=0.0, saturation=0.0)
    mirrored = [
        torch.equal(one, image.flip(1)) for one, image in zip(view(1, views=plain), IMAGES, strict=True)
    ]
    same = [torch.equal(one, image) for one, image in zip(view(1, views=plain), IMAGES, strict=True)]
    assert sum(mirrored) + sum(same) == 10
    assert 0 < sum(mirrored) < 10


def test_grey_images_have_views() -> None:
    rows = torch.arange(10)
    assert VIEWS.view(IMAGES[..., :1], rows, 1, 10).shape == (10, 12, 16, 1)
