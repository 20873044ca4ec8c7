"""Train a small temporal convolution network to classify repetitions."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hitrs_live.evaluation.synthesis.windows import CHANNELS


@dataclass(frozen=True, kw_only=True)
class WindowTraining:
    """Size and schedule of the classifier."""

    width: int = 64
    epochs: int = 15
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dropout: float = 0.3
    label_smoothing: float = 0.1


class WindowClassifier(nn.Module):
    """Three residual blocks of convolutions over time, and the mean and the maximum over time."""

    def __init__(self, classes: int, config: WindowTraining) -> None:
        """Draw the weights."""
        super().__init__()
        width = config.width
        self.stem = nn.Sequential(nn.Conv1d(CHANNELS, width, 5, stride=2, padding=2), nn.BatchNorm1d(width), nn.ReLU())
        self.blocks = nn.ModuleList(_block(width, dilation) for dilation in (1, 2, 4))
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(2 * width, classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute logits. inputs: (B, FRAMES, CHANNELS). Returns (B, K)."""
        hidden = self.stem(inputs.transpose(1, 2))
        for block in self.blocks:
            hidden = torch.relu(hidden + block(hidden))
        logits: Tensor = self.head(torch.cat((hidden.mean(-1), hidden.amax(-1)), dim=1))
        return logits


def train_classifier(
    inputs: Tensor, labels: Tensor, classes: int, *, seed: int, config: WindowTraining | None = None
) -> WindowClassifier:
    """Train a classifier. inputs: (N, FRAMES, CHANNELS); labels: (N,). The same seed gives the same weights."""
    config = config or WindowTraining()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = WindowClassifier(classes, config)
        steps = config.epochs * -(-len(labels) // config.batch)
        optimiser = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps)
        loss_of = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        model.train()
        for _ in range(config.epochs):
            for batch in torch.randperm(len(labels), generator=generator).chunk(-(-len(labels) // config.batch)):
                # Batch normalisation needs two examples at least.
                if len(batch) > 1:
                    loss = loss_of(model(inputs[batch]), labels[batch])
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                schedule.step()
    return model.eval()


@torch.inference_mode()
def predict(model: WindowClassifier, inputs: Tensor, batch: int = 512) -> Tensor:
    """Predict the class of each input. inputs: (N, FRAMES, CHANNELS). Returns (N,)."""
    return torch.cat([model(part).argmax(1) for part in inputs.chunk(-(-len(inputs) // batch))])


def _block(width: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation), nn.BatchNorm1d(width),
    )  # fmt: skip
