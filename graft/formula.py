"""Adam in NumPy, and the functions of optax that compute it.

``FUNCTIONS`` lists the functions that have the flag. The check, the tests, the
benchmarks and the pages take the list from here. Importing it needs only NumPy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Formula:
  """How one function of optax differs from :func:`adam` below.

  Attributes:
    options: The options of :func:`adam` that it sets, or has as defaults.
    decay: Whether it adds decayed weights.
    rate: Whether it multiplies by a negative learning rate.
    since: The first release of optax whose function gets the flag.
  """

  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  decay: bool = False
  rate: bool = True
  since: str = '0.2.0'


_AMSGRAD = {'maximum': True}
_NADAM = {'nesterov': True}
FUNCTIONS = {
    'scale_by_adam': Formula(rate=False),
    'scale_by_amsgrad': Formula(_AMSGRAD, rate=False, since='0.2.7'),
    'adam': Formula(),
    'adamw': Formula(decay=True),
    'nadam': Formula(_NADAM),
    'nadamw': Formula(_NADAM, decay=True),
    'amsgrad': Formula(_AMSGRAD, since='0.2.7'),
}
# Those with a learning rate.
OPTIMIZERS = tuple(name for name, x in FUNCTIONS.items() if x.rate)


def adam(
    grads: Iterable[np.ndarray],
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    mu_dtype: str | None = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
    nesterov: bool = False,
    maximum: bool = False,
    epsilon_hat: bool = False,
    count: int = 0,
) -> Iterator[np.ndarray]:
  """Yields what Adam makes of each gradient, without the learning rate.

  Args:
    grads: The gradient of each step.
    b1: Decay rate of the first moment.
    b2: Decay rate of the second moment.
    eps: The epsilon outside the square root.
    eps_root: The epsilon inside the square root.
    mu_dtype: The dtype that the first moment is rounded to between steps.
    bias_correction_mu: Whether to correct the bias of the first moment.
    bias_correction_nu: Whether to correct the bias of the second moment.
    nesterov: Whether to use Nesterov momentum.
    maximum: Whether to divide by the largest second moment so far (AMSGrad).
    epsilon_hat: Whether to add ``eps`` before the second moment's correction.
    count: The number of steps, with gradients of zero, before the first one.
  """
  mu = nu = nu_max = 0.0
  for t, g in enumerate(grads, start=count + 1):
    mu = b1 * mu + (1 - b1) * g
    nu = b2 * nu + (1 - b2) * np.abs(g) ** 2
    c1 = 1 - b1**t if bias_correction_mu else 1.0
    c2 = 1 - b2**t if bias_correction_nu else 1.0
    mu_hat = mu / c1
    if nesterov:
      mu_hat = b1 * mu / (1 - b1 ** (t + 1)) + (1 - b1) * g / c1
    nu_hat = nu if epsilon_hat else nu / c2
    if maximum:
      nu_max = np.maximum(nu_max, nu_hat)
      nu_hat = nu_max
    update = mu_hat / (np.sqrt(nu_hat + eps_root) + eps)
    yield np.sqrt(c2) * update if epsilon_hat else update
    mu = np.asarray(mu, mu_dtype)


def expected(
    name: str,
    grads: Iterable[np.ndarray],
    params: np.ndarray | float = 0.0,
    *,
    learning_rate: float | Callable[[int], float] = 1.0,
    weight_decay: float = 1e-4,
    mask: np.ndarray | bool = True,
    tf_style: bool = False,
    epsilon_hat: bool = False,
    count: int = 0,
    **options: Any,
) -> list[np.ndarray]:
  """The updates that a function in ``FUNCTIONS`` should return.

  Args:
    name: The name of the function.
    grads: The gradient of each step.
    params: The parameters before the first step.
    learning_rate: The learning rate, or a schedule of the count.
    weight_decay: The weight decay.
    mask: Which of the parameters decay.
    tf_style: As ``epsilon_hat``.
    epsilon_hat: Whether to add ``eps`` before the second moment's correction.
    count: The number of steps before the first one.
    **options: The other options of :func:`adam`.

  Returns:
    The update of each step.
  """
  formula = FUNCTIONS[name]
  directions = adam(
      grads,
      epsilon_hat=epsilon_hat or tf_style,
      count=count,
      **{**formula.options, **options},
  )
  updates = []
  for step, update in enumerate(directions, start=count):
    if formula.decay:
      update = update + weight_decay * mask * params
    if formula.rate:
      is_schedule = callable(learning_rate)
      rate = learning_rate(step) if is_schedule else learning_rate
      update = -rate * update
    params = params + update
    updates.append(update)
  return updates
