"""Two recipes that train every layer: fastai's ``fine_tune``, and a linear probe followed by fine-tuning (LP-FT)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torchvision.transforms import v2

from .network import WIDTH, pretrained, run
from .photos import Photos, Transform, eval_transform, loader, to_pixels

# -- LP-FT


def lp_ft(train: Photos, test: Photos, epochs: int = 10, size: int = 224) -> Tensor:
    """Fit a linear head on frozen features, then train all layers from there; return the classes (N,) of ``test``.

    Source: Kumar et al., “Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution” (ICLR 2022,
    arXiv 2202.10054): the head of a converged linear probe is where fine-tuning starts, and batch normalization stays
    as it was. AdamW with the one-cycle schedule, label smoothing and random crops, as in torchvision's and timm's
    recipes for small sets.
    """
    torch.manual_seed(0)
    classes = len(train.classes)
    features = run(pretrained(), train.through(eval_transform(size)), mixed_precision=True)
    network = pretrained(classes)
    head: nn.Linear = network.get_classifier()
    weight, bias = _linear_probe(features, train.y, classes)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    views = loader(train.through(_random_crops(size)), 16, shuffle=True)
    rates = (3e-4, 1e-3)
    optimizer = torch.optim.AdamW(_groups(_others(network, head), list(head.parameters()), rates), weight_decay=1e-2)
    schedule = OneCycleLR(optimizer, list(rates), total_steps=epochs * len(views))
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(epochs):
        network.eval()  # batch normalization in evaluation mode, as in the paper
        _train_one_epoch(network, views, loss, optimizer, schedule)
    return run(network, test.through(eval_transform(size)), mixed_precision=True).argmax(1)


def _linear_probe(features: Tensor, y: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return weight (C, D) and bias (C,) of multinomial logistic regression on features (N, D), fitted by L-BFGS.

    The penalty is of the weights for features of unit length on the mean, with scikit-learn's C of 50.
    """
    scale = features.norm(dim=1).mean()
    x, y = features / scale, y.clone()
    weight, bias = (torch.zeros(shape, requires_grad=True) for shape in ((classes, features.shape[1]), (classes,)))
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(x @ weight.T + bias, y) + weight.square().sum() / (2 * 50 * len(x))
        value.backward()
        return value

    optimizer.step(objective)
    return weight.detach() / scale, bias.detach()


def _random_crops(size: int) -> Transform:
    """Return random crops of 70 % of the area or more, mirrored and recolored."""
    crop = v2.RandomResizedCrop(size, scale=(0.7, 1), interpolation=v2.InterpolationMode.BICUBIC)
    return v2.Compose([crop, v2.RandomHorizontalFlip(), v2.ColorJitter(0.3, 0.3, 0.2, 0.05), *to_pixels()])


# -- fastai


@dataclass(frozen=True)
class Cycle:
    """One run of fastai's ``fit_one_cycle``: ``rates`` are the highest of body and head, ``start`` the part before."""

    epochs: int
    rates: tuple[float, float]
    start: float
    division: float


def fastai(train: Photos, test: Photos, epochs: int = 5, size: int = 224) -> Tensor:
    """Train as ``vision_learner(…).fine_tune(epochs)`` does; return the predicted classes (N,) of ``test``.

    Source: https://github.com/fastai/fastai, ``callback/schedule.py`` (``fine_tune``, ``fit_one_cycle``),
    ``vision/learner.py`` (``create_head``) and ``vision/augment.py`` (``aug_transforms``): one epoch of the new head
    with a frozen body, whose batch normalization goes on learning, then one cycle of all layers at half the rate, the
    body's a hundredth of it. fastai keeps 20 % of the photos for its score; here all are trained on, which is better
    for the recipe.
    """
    torch.manual_seed(0)
    body, head = pretrained(), _head(len(train.classes))
    body.global_pool = nn.Identity()
    network = nn.Sequential(body, head)
    views = loader(train.through(_augmented(size)), min(64, max(16, len(train) // 8)), shuffle=True)
    rate = 2e-3  # base_lr
    norms = [one for module in body.modules() if isinstance(module, nn.BatchNorm2d) for one in module.parameters()]
    _fit_one_cycle(network, norms, head, views, Cycle(1, (rate / 10, rate), 0.99, 25))
    _fit_one_cycle(network, list(body.parameters()), head, views, Cycle(epochs, (rate / 200, rate / 2), 0.3, 5))
    return run(network, test.through(eval_transform(size, crop_pct=1)), mixed_precision=False).argmax(1)


class _ConcatPool(nn.Module):
    """fastai's ``AdaptiveConcatPool2d(1)``: the maximum and the mean of each channel side by side."""

    def forward(self, maps: Tensor) -> Tensor:  # (B, D, H, W)
        return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], 1)  # (B, 2 * D)


def _head(classes: int) -> nn.Sequential:
    """Return fastai's ``create_head``, with its first values."""
    head = nn.Sequential(
        _ConcatPool(), nn.BatchNorm1d(2 * WIDTH), nn.Dropout(0.25), nn.Linear(2 * WIDTH, 512, bias=False), nn.ReLU(),
        nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, classes, bias=False),
    )  # fmt: skip
    for module in head:
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return head


def _augmented(size: int) -> Transform:
    """Return what ``Resize`` and ``aug_transforms`` do on the mean: a square, turned, enlarged, warped, relit."""
    side = int(size * 1.15)
    return v2.Compose([
        v2.Resize(side), v2.RandomCrop(side), v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.RandomAffine(10, scale=(1, 1.1))], 0.75), v2.RandomPerspective(0.2, 0.75),
        v2.RandomApply([v2.ColorJitter(0.2, 0.2)], 0.75), v2.Resize(size), *to_pixels(),
    ])  # fmt: skip


def _fit_one_cycle(
    network: nn.Module, body: list[nn.Parameter], head: nn.Module, views: torch.utils.data.DataLoader, cycle: Cycle
) -> None:
    """Train the head and the given parameters of the body by fastai's Adam and momentum from 0.95 to 0.85 and back."""
    network.requires_grad_(False)
    groups = _groups(body, list(head.parameters()), cycle.rates)
    for group in groups:
        for parameter in group["params"]:
            parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(groups, betas=(0.95, 0.99), eps=1e-5, weight_decay=1e-2)
    schedule = OneCycleLR(
        optimizer, list(cycle.rates), total_steps=max(2, cycle.epochs * len(views)), pct_start=cycle.start,
        div_factor=cycle.division, final_div_factor=1e5 / cycle.division,
    )  # fmt: skip
    for _ in range(cycle.epochs):
        network.train()
        _train_one_epoch(network, views, nn.CrossEntropyLoss(), optimizer, schedule)


# -- both


def _groups(body: list[nn.Parameter], head: list[nn.Parameter], rates: tuple[float, float]) -> list[dict]:
    """Return the optimizer's groups with the learning rates of body and head."""
    return [{"params": parameters, "lr": rate} for parameters, rate in zip((body, head), rates)]


def _others(network: nn.Module, head: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a network that are not those of its head."""
    known = {id(one) for one in head.parameters()}
    return [one for one in network.parameters() if id(one) not in known]


def _train_one_epoch(
    network: nn.Module,
    views: torch.utils.data.DataLoader,
    loss: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: OneCycleLR,
) -> None:
    """Take one step for each batch, in float32."""
    for pixels, y in views:
        optimizer.zero_grad()
        loss(network(pixels.to(memory_format=torch.channels_last)), y).backward()
        optimizer.step()
        schedule.step()
