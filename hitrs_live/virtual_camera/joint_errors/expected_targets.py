"""The network of the expected error: what the pose stage makes of a pose in a view on average."""

from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.virtual_camera.joint_errors.coordinates import CONDITIONS, TARGETS


class ExpectedTargets(nn.Module):
    """Predict the targets of every frame from the pose and the frames around it."""

    def __init__(self, width: int = 80, dropout: float = 0.2) -> None:
        """Make a network of convolutions over time beside a linear map."""
        super().__init__()
        self.first = nn.Conv1d(CONDITIONS, width, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=step, dilation=step) for step in (2, 4))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Conv1d(width, TARGETS, 1)
        self.linear = nn.Conv1d(CONDITIONS, TARGETS, 1, bias=False)

    def forward(self, condition: Tensor) -> Tensor:
        """Compute normalised targets (B, TARGETS, T) from normalised conditions (B, CONDITIONS, T)."""
        hidden = F.gelu(self.first(condition))
        for layer in self.layers:
            hidden = hidden + F.gelu(layer(self.dropout(hidden)))
        output: Tensor = self.last(self.dropout(hidden)) + self.linear(condition)
        return output
