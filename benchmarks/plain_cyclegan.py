"""A straightforward CycleGAN in PyTorch, with which ``cyclegan_step.py`` compares.

Zhu et al. (2017), arXiv:1703.10593, appendix 7: the same layers, losses, histories and optimizers
as ``kerasgen.cyclegan``, in the usual order: generators first, with the discriminators frozen; then
both discriminators, on fakes from a history.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain

import torch
from torch import nn


def generator(width: int, blocks: int) -> nn.Sequential:
    """Residual generator: 7x7, two halvings, blocks, two doublings, 7x7, tanh."""
    parts = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), *_activated(width)]
    for level in (1, 2):
        wide = 2**level * width
        parts += [nn.Conv2d(wide // 2, wide, 3, 2, 1), *_activated(wide)]
    parts += [Residual(4 * width) for _ in range(blocks)]
    for level in (1, 0):
        wide = 2**level * width
        parts += [nn.ConvTranspose2d(2 * wide, wide, 3, 2, 1, 1), *_activated(wide)]
    return nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), *_activated(width),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both branches."""
        return x + self.inner(x)


def _activated(width: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]


def discriminator(width: int, halvings: int) -> nn.Sequential:
    """PatchGAN."""
    parts: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for level in range(1, halvings + 1):
        inner, wide = (width * min(2**each, 8) for each in (level - 1, level))
        stride = 2 if level < halvings else 1
        parts += [nn.Conv2d(inner, wide, 4, stride, 1), nn.InstanceNorm2d(wide)]
        parts += [nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*parts, nn.Conv2d(wide, 1, 4, 1, 1))


class History:
    """A history of fakes: half of the pictures are exchanged for older ones."""

    def __init__(self, capacity: int = 50) -> None:
        self.capacity = capacity
        self.kept: list[torch.Tensor] = []

    def exchange(self, images: torch.Tensor) -> torch.Tensor:
        """As many pictures, old and new."""
        exchanged = []
        for image in images.split(1):
            if len(self.kept) < self.capacity:
                self.kept.append(image.clone())
            elif random.random() < 0.5:
                slot = random.randrange(self.capacity)
                self.kept[slot], image = image.clone(), self.kept[slot]
            exchanged.append(image)
        return torch.cat(exchanged)


def make_step(
    *, width: int, blocks: int, halvings: int, compiled: bool, channels_last: bool, bfloat16: bool
) -> tuple[Callable[[torch.Tensor, torch.Tensor], None], dict[str, int]]:
    """One update as a function of both batches, and the number of weights of each network."""
    torch.manual_seed(0)
    generators = [generator(width, blocks) for _ in range(2)]
    judges = [discriminator(width, halvings) for _ in range(2)]
    sizes = {
        "generator": sum(each.numel() for each in generators[0].parameters()),
        "discriminator": sum(each.numel() for each in judges[0].parameters()),
    }
    form = torch.channels_last if channels_last else torch.contiguous_format
    networks = [network.to(memory_format=form) for network in (*generators, *judges)]
    players = [
        torch.optim.Adam(
            list(chain.from_iterable(network.parameters() for network in group)),
            2e-4, betas=(0.5, 0.999), fused=True,
        )
        for group in (generators, judges)
    ]  # fmt: skip
    forward, backward, judge_source, judge_target = (
        [torch.compile(network) for network in networks] if compiled else networks
    )
    histories = History(), History()

    def update(source: torch.Tensor, target: torch.Tensor) -> None:
        source, target = (each.contiguous(memory_format=form) for each in (source, target))
        for judge in judges:
            judge.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            fake_target, fake_source = forward(source), backward(target)
            loss = _fools(judge_target(fake_target)) + _fools(judge_source(fake_source))
            loss = loss + 10.0 * _l1(backward(fake_target), source)
            loss = loss + 10.0 * _l1(forward(fake_source), target)
            loss = loss + 5.0 * (_l1(forward(target), target) + _l1(backward(source), source))
        players[0].zero_grad(set_to_none=True)
        loss.backward()
        players[0].step()
        for judge in judges:
            judge.requires_grad_(True)
        players[1].zero_grad(set_to_none=True)
        for judge, real, fake, history in (
            (judge_source, source, fake_source, histories[0]),
            (judge_target, target, fake_target, histories[1]),
        ):
            past = history.exchange(fake.detach()).contiguous(memory_format=form)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                on_real, on_past = judge(real).float(), judge(past).float()
                loss = 0.5 * ((on_real - 1).square().mean() + on_past.square().mean())
            loss.backward()
        players[1].step()

    return update, sizes


def _fools(logits: torch.Tensor) -> torch.Tensor:
    return (logits.float() - 1).square().mean()


def _l1(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one.float() - other).abs().mean()
