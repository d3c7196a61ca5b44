"""Trains the four seed networks on MNIST or Fashion-MNIST and exports them to ONNX.

    python benchmarks/training/train.py --dataset mnist --data DIR --network bmlp --output DIR

writes ``DIR/mnist-bmlp.onnx``. DIR of ``--data`` holds the four IDX files of the data set.
"""

import argparse
import copy
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from networks import (
    IMAGE_SIDE,
    NETWORKS,
    NUM_CLASSES,
    NUM_PIXELS,
    Classifier,
    exportable,
    latent_parameters,
    set_memory_format,
)
from torch import Tensor
from torch.nn import functional

from bnn_engine.datasets import LabelledImages, load_idx
from bnn_engine.errors import DatasetError

DATASETS = ("mnist", "fashion")
OPSET = 17
# What is held out of the training images to choose the epoch that is exported.
NUM_VALIDATION = 5000


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        learning_rate: AdamW's, at the start; it falls to zero along a cosine.
        logit_scale: factor on the scores inside the loss. The scores of a binarized network are
            sums of +-1 and far too large for a softmax; the factor changes no label, so the
            exported network does without it.
        max_shift: images are moved by up to this many pixels along each axis, at random.
        mirror: whether half of the images are mirrored left to right, at random.
        weight_decay: AdamW's. Not for binarized networks, where only the sign of a weight counts.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    logit_scale: float = 1.0
    max_shift: int = 0
    mirror: bool = False
    weight_decay: float = 0.0


RECIPES: dict[str, dict[str, Recipe]] = {
    "mnist": {
        "mlp": Recipe(epochs=40, batch_size=128, learning_rate=5e-2, weight_decay=0.02),
        "bmlp": Recipe(
            epochs=60, batch_size=128, learning_rate=5e-3, logit_scale=1 / 16, max_shift=1
        ),
        "cnn": Recipe(epochs=12, batch_size=128, learning_rate=3e-3, max_shift=1),
        "bcnn": Recipe(
            epochs=20, batch_size=128, learning_rate=5e-3, logit_scale=1 / 4, max_shift=1
        ),
    },
    "fashion": {
        "mlp": Recipe(epochs=40, batch_size=128, learning_rate=5e-2, weight_decay=0.02),
        "bmlp": Recipe(
            epochs=40, batch_size=128, learning_rate=5e-3, logit_scale=1 / 16, mirror=True
        ),
        "cnn": Recipe(epochs=12, batch_size=128, learning_rate=3e-3, mirror=True),
        "bcnn": Recipe(epochs=20, batch_size=128, learning_rate=5e-3, logit_scale=1 / 4),
    },
}


class Images:
    """Images and labels in memory, read by index.

    Args:
        split: what to hold.
        max_shift: how far `batch` may move an image.
    """

    def __init__(self, split: LabelledImages, max_shift: int = 0) -> None:
        self._max_shift = max_shift
        self._labels = torch.from_numpy(split.labels.astype(np.int64))
        # Shifting is reading at another offset of the image with a black frame around it.
        side = IMAGE_SIDE + 2 * max_shift
        framed = np.zeros((len(split.labels), side, side), np.uint8)
        inner = slice(max_shift, max_shift + IMAGE_SIDE)
        framed[:, inner, inner] = split.images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
        self._framed = torch.from_numpy(framed).view(-1)
        self._side = side
        rows = torch.arange(IMAGE_SIDE)
        self._offsets = (rows[:, None] * side + rows).view(-1)
        self._mirrored_offsets = (rows[:, None] * side + rows.flip(0)).view(-1)

    def __len__(self) -> int:
        return len(self._labels)

    def _gather(self, origins: Tensor, mirrored: Tensor | None) -> Tensor:
        offsets = self._offsets
        if mirrored is not None:
            offsets = torch.where(mirrored[:, None], self._mirrored_offsets, offsets)
        return self._framed[origins[:, None] + offsets].float()

    def batch(
        self, indices: Tensor, mirror: bool, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return randomly shifted (and mirrored) pixels, float32 [B, 784], and labels int64 [B].

        Args:
            indices: int64 [B], which images.
            mirror: whether each image is mirrored with probability one half.
            generator: source of the randomness.
        """
        places = 2 * self._max_shift + 1
        shifts = torch.randint(places, (2, len(indices)), generator=generator)
        origins = (indices * self._side + shifts[0]) * self._side + shifts[1]
        mirrored = torch.rand(len(indices), generator=generator) < 0.5 if mirror else None
        return self._gather(origins, mirrored), self._labels[indices]

    def in_order(self, batch_size: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield everything once, unchanged: pixels float32 [B, 784] and labels int64 [B]."""
        for indices in torch.split(torch.arange(len(self)), batch_size):
            origins = (indices * self._side + self._max_shift) * self._side + self._max_shift
            yield self._gather(origins, None), self._labels[indices]


def measure(network: Classifier, images: Images, logit_scale: float) -> tuple[float, float]:
    """Put a network into evaluation mode and return its (accuracy, mean loss)."""
    network.eval()
    correct, loss = 0, 0.0
    with torch.no_grad():
        for pixels, labels in images.in_order():
            logits = network.logits(pixels)
            correct += int((logits.argmax(1) == labels).sum())
            loss += float(functional.cross_entropy(logit_scale * logits, labels, reduction="sum"))
    return correct / len(images), loss / len(images)


def train(name: str, recipe: Recipe, split: LabelledImages, seed: int) -> Classifier:
    """Train one network and print a line an epoch.

    Args:
        name: one of NETWORKS.
        recipe: how.
        split: the training images, of which NUM_VALIDATION are held out.
        seed: determines the initial weights, the held-out images, their order and augmentation.

    Returns:
        The network of the epoch that was best on the held-out images.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(split.labels))
    held_out, kept = order[:NUM_VALIDATION], order[NUM_VALIDATION:]
    validation = Images(LabelledImages(split.images[held_out], split.labels[held_out]))
    training = Images(LabelledImages(split.images[kept], split.labels[kept]), recipe.max_shift)

    network = NETWORKS[name]()
    # The layout that makes torch's convolutions and pooling on a CPU twice as fast.
    set_memory_format(network, torch.channels_last)
    latent = latent_parameters(network)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    # Without the last, shorter batch: it would give BatchNorm poorer statistics.
    num_batches = len(training) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * num_batches)

    best_score, best_state = (-1.0, 0.0), copy.deepcopy(network.state_dict())
    for epoch in range(1, recipe.epochs + 1):
        start = time.perf_counter()
        network.train()
        total_loss = torch.zeros(())
        shuffled = torch.randperm(len(training), generator=generator)
        for indices in torch.split(shuffled, recipe.batch_size)[:num_batches]:
            pixels, labels = training.batch(indices, recipe.mirror, generator)
            loss = functional.cross_entropy(recipe.logit_scale * network.logits(pixels), labels)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            # A latent weight that drifts far from zero would hardly ever change its sign again.
            with torch.no_grad():
                for parameter in latent:
                    parameter.clamp_(-1, 1)
            total_loss += loss.detach()
        accuracy, validation_loss = measure(network, validation, recipe.logit_scale)
        mark = ""
        if (accuracy, -validation_loss) > best_score:
            best_score = (accuracy, -validation_loss)
            best_state = copy.deepcopy(network.state_dict())
            mark = " *"
        print(
            f"  epoch {epoch:3}/{recipe.epochs}  loss {float(total_loss) / num_batches:.4f}  "
            f"validation {accuracy:.2%}  {time.perf_counter() - start:.1f} s{mark}",
            flush=True,
        )
    network.load_state_dict(best_state)
    return network


def export(network: Classifier) -> onnx.ModelProto:
    """Export a network with torch's TorchScript exporter.

    BatchNorm stays a node of its own (TrainingMode.PRESERVE): folded into the weights it would
    make the binarized layers' sums inexact, and sums at a threshold would depend on the order of
    summation. The batch axis is symbolic. The file's bytes depend only on the weights and on the
    version of torch.
    """
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        # The exporter says that it is the older one of two, and the tracer points out the
        # constants of networks.Sign, which are meant to be constants.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", message="torch.tensor results are registered as")
        path = Path(directory) / "model.onnx"
        torch.onnx.export(
            exportable(network),
            (torch.zeros(1, NUM_PIXELS),),
            path,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch_size"}, "output": {0: "batch_size"}},
        )
        model = onnx.load(path)
    # Where the exporter knows it, it notes the source line, with the path on this machine.
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del model.metadata_props[:]
    # "2.13.0", not "2.13.0+cpu": the build of torch does not matter.
    model.producer_version = model.producer_version.partition("+")[0]
    onnx.checker.check_model(model, full_check=True)
    return model


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files")
    parser.add_argument("--network", choices=(*NETWORKS, "all"), default="all")
    parser.add_argument("--output", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=_positive, help="instead of the recipe's number of epochs")
    parser.add_argument(
        "--threads", type=_positive, default=1, help="threads torch may use (default 1)"
    )
    options = parser.parse_args(arguments)

    torch.set_num_threads(options.threads)
    try:
        split = load_idx(options.data, "train")
        if split.images.shape[1] != NUM_PIXELS or split.labels.max(initial=0) >= NUM_CLASSES:
            raise DatasetError(f"{options.data}: not 28x28 images of ten classes")
        if len(split.labels) < 2 * NUM_VALIDATION:
            raise DatasetError(f"{options.data}: only {len(split.labels)} training images")
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    for name in NETWORKS if options.network == "all" else (options.network,):
        recipe = RECIPES[options.dataset][name]
        if options.epochs is not None:
            recipe = replace(recipe, epochs=options.epochs)
        print(f"{options.dataset}-{name}: {recipe}, seed {options.seed}", flush=True)
        network = train(name, recipe, split, options.seed)
        path = options.output / f"{options.dataset}-{name}.onnx"
        path.write_bytes(export(network).SerializeToString(deterministic=True))
        print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
