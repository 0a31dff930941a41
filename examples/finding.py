"""The finding of optax issue 571, in miniature: one PPO update of an LM.

A GPT-2-style model learns to write like Python's manual. Its responses are then
rewarded for words, and it takes one PPO update, four steps of Adam: once as in
Algorithm 1 (the default) and once in TensorFlow's form (``tf_style=True``),
on the same responses. The share of ratios that PPO then clips is printed and
drawn.

  python examples/finding.py --quick
"""

import argparse
import collections
from collections.abc import Sequence
import functools
import itertools
import json
import pathlib
from pydoc_data import topics
import re
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import flatten_util
import jax.numpy as jnp
from matplotlib import pyplot as plt
from matplotlib import ticker
import numpy as np
import optax
import tqdm

B2 = 0.999
CLIP = 0.2
INIT = nn.initializers.normal(0.02)  # As in GPT-2.
EPS = 1e-5  # Of OpenAI's lm-human-preferences, which the report reproduces.
CONTROL = 1e-8  # The default of optax and of PyTorch.
RATES = (3e-6, 6e-6, 1e-5, 2e-5, 3e-5)
QUICK_RATES = (3e-6, 1e-5, 3e-5)
SEEDS = (0, 1, 2, 3)
NAMES = {False: 'Algorithm 1', True: 'tf_style'}
STYLES = {  # The hollow diamond is the larger, so that it hides no circle.
    True: {'color': '#2b7bba', 'marker': 'D', 'ms': 5, 'mfc': 'w', 'ls': '--'},
    False: {'color': '#8c2d04', 'marker': 'o', 'ms': 3, 'ls': '-'},
}

# What GPT-2 had after one step of Adam at this learning rate and at EPS, by the
# README of github.com/vwxyzjn/minimal-adam-difference.
REPORTED_RATE = 1e-5
REPORTED = {False: 0.0202, True: 0.0052}


class Config(NamedTuple):
  """Sizes of the model, of its pretraining and of the PPO update."""

  layers: int = 4
  width: int = 128
  heads: int = 4
  vocabulary: int = 512
  query: int = 8
  response: int = 24
  temperature: float = 0.7
  pretraining_steps: int = 200
  pretraining_batch: int = 32
  pretraining_rate: float = 5e-4
  responses: int = 64
  epochs: int = 4  # Steps of Adam on the same responses.


class Rollout(NamedTuple):
  """Queries with the model's responses, and what these are worth."""

  tokens: jax.Array  # A query and its response a row.
  logs: jax.Array  # Log-probabilities of the responses' tokens when drawn.
  advantages: jax.Array  # The whitened reward of each response.


class Seen(NamedTuple):
  """What is seen of the policy after each step of the update."""

  clip_fraction: jax.Array  # Share of ratios that PPO clips.
  kl: jax.Array  # Approximate divergence from before the update, in nats.


class Block(nn.Module):
  """Attention and a perceptron, each after a layer norm."""

  heads: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    width, mask = x.shape[-1], nn.make_causal_mask(x[..., 0])
    x += nn.MultiHeadDotProductAttention(self.heads, kernel_init=INIT)(
        nn.LayerNorm()(x), mask=mask
    )
    hidden = nn.Dense(4 * width, kernel_init=INIT)(nn.LayerNorm()(x))
    return x + nn.Dense(width, kernel_init=INIT)(nn.gelu(hidden))


class LanguageModel(nn.Module):
  """GPT-2, small: the logits of the next token at every place."""

  config: Config

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    c = self.config
    embed = nn.Embed(c.vocabulary, c.width, embedding_init=INIT)
    places = self.param('places', INIT, (c.query + c.response, c.width))
    x = embed(tokens) + places[: tokens.shape[1]]
    for _ in range(c.layers):
      x = Block(c.heads)(x)
    return embed.attend(nn.LayerNorm()(x))


def read_manual(config: Config) -> tuple[np.ndarray, np.ndarray]:
  """Python's manual in its commonest words, and which of these are words."""
  text = '\n'.join(topics.topics.values()).lower()
  words = re.findall(r'\w+|[^\w\s]', text)
  common = collections.Counter(words).most_common(config.vocabulary - 1)
  numbers = {word: n for n, (word, _) in enumerate(common, start=1)}
  is_word = [False] + [word.isalpha() for word in numbers]
  return np.array([numbers.get(word, 0) for word in words]), np.array(is_word)


def passages(key, manual: jax.Array, rows: int, length: int) -> jax.Array:
  """Passages of the manual, one a row."""
  starts = jax.random.randint(key, (rows, 1), 0, len(manual) - length)
  return manual[starts + jnp.arange(length)]


def pretrain(key, manual, config: Config, tick) -> optax.Params:
  """Teaches a model to predict the manual's next token."""
  model = LanguageModel(config)
  solver = optax.adam(optax.linear_schedule(0, config.pretraining_rate, 20))
  init_key, text_key = jax.random.split(key)

  def loss_fn(params, tokens):
    return optax.softmax_cross_entropy_with_integer_labels(
        model.apply(params, tokens[:, :-1]), tokens[:, 1:]
    ).mean()

  @jax.jit
  def step(key, params, state):
    length = config.query + config.response + 1
    tokens = passages(key, manual, config.pretraining_batch, length)
    updates, state = solver.update(jax.grad(loss_fn)(params, tokens), state)
    return optax.apply_updates(params, updates), state

  params = model.init(init_key, manual[None, : config.query])
  state = solver.init(params)
  for step_key in jax.random.split(text_key, config.pretraining_steps):
    params, state = step(step_key, params, state)
    tick()
  return params


def log_policy(params, tokens: jax.Array, config: Config) -> jax.Array:
  """Log-probabilities that a policy gives to the responses' tokens."""
  logits = LanguageModel(config).apply(params, tokens[:, :-1])
  logits = logits[:, config.query - 1 :] / config.temperature
  return -optax.softmax_cross_entropy_with_integer_labels(
      logits, tokens[:, config.query :]
  )


@functools.partial(jax.jit, static_argnames='config')
def roll_out(key, params, manual, is_word, config: Config) -> Rollout:
  """Lets a policy respond to passages of the manual, and rewards words."""
  text_key, response_key = jax.random.split(key)
  queries = passages(text_key, manual, config.responses, config.query)
  tokens = jnp.pad(queries, ((0, 0), (0, config.response)))

  def write(tokens, place_and_key):
    place, key = place_and_key
    logits = LanguageModel(config).apply(params, tokens)[:, place - 1]
    drawn = jax.random.categorical(key, logits / config.temperature)
    return tokens.at[:, place].set(drawn), None

  places = config.query + jnp.arange(config.response)
  keys = jax.random.split(response_key, config.response)
  tokens, _ = jax.lax.scan(write, tokens, (places, keys))
  rewards = is_word[tokens[:, config.query :]].mean(axis=1, keepdims=True)
  advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-8)
  return Rollout(tokens, log_policy(params, tokens, config), advantages)


def ppo_loss(params, rollout, config: Config) -> tuple[jax.Array, Seen]:
  """PPO's clipped objective, to be minimized, and what is seen on the way."""
  log_ratios = log_policy(params, rollout.tokens, config) - rollout.logs
  ratios = jnp.exp(log_ratios)
  gains = ratios * rollout.advantages
  clipped_gains = jnp.clip(ratios, 1 - CLIP, 1 + CLIP) * rollout.advantages
  return -jnp.minimum(gains, clipped_gains).mean(), Seen(
      clip_fraction=jnp.mean(clipped_gains < gains),
      kl=jnp.mean(log_ratios**2) / 2,
  )


@functools.partial(jax.jit, static_argnames=('config', 'tf_style'))
def update(
    params, rollout, learning_rate, eps, config: Config, *, tf_style: bool
) -> Seen:
  """One PPO update, and what is seen after each of its steps."""
  adam = optax.adam(learning_rate, b2=B2, eps=eps, tf_style=tf_style)

  def step(carry, _):
    params, state = carry
    grads, seen = jax.grad(ppo_loss, has_aux=True)(params, rollout, config)
    updates, state = adam.update(grads, state)
    return (optax.apply_updates(params, updates), state), seen

  carry = params, adam.init(params)
  (params, _), seen = jax.lax.scan(step, carry, length=config.epochs)
  _, last = ppo_loss(params, rollout, config)
  return jax.tree.map(lambda old, end: jnp.append(old[1:], end), seen, last)


@functools.partial(jax.jit, static_argnames='config')
def relative_epsilon(params, rollout, config: Config) -> jax.Array:
  """The effective epsilon of tf_style's first step, in median gradients."""
  grads, _ = jax.grad(ppo_loss, has_aux=True)(params, rollout, config)
  sizes = jnp.abs(flatten_util.ravel_pytree(grads)[0])
  return EPS / jnp.sqrt(1 - B2) / jnp.median(sizes)


def run(seeds, rates, config: Config) -> tuple[np.ndarray, dict]:
  """The relative epsilons, and what is seen in each setting; a seed a row."""
  manual, is_word = map(jnp.asarray, read_manual(config))
  cases = list(itertools.product((EPS, CONTROL), rates, NAMES))
  relative, seen = [], {case: [] for case in cases}
  steps = len(seeds) * (config.pretraining_steps + config.epochs * len(cases))
  with tqdm.tqdm(total=steps, unit='step') as bar:
    for seed in seeds:
      model_key, response_key = jax.random.split(jax.random.key(seed))
      params = pretrain(model_key, manual, config, bar.update)
      rollout = roll_out(response_key, params, manual, is_word, config)
      relative.append(relative_epsilon(params, rollout, config))
      for eps, rate, flag in cases:
        found = update(params, rollout, rate, eps, config, tf_style=flag)
        seen[eps, rate, flag].append(jax.block_until_ready(found))
        bar.update(config.epochs)
  return np.stack(relative), {
      case: Seen(*map(np.stack, zip(*rows, strict=True)))
      for case, rows in seen.items()
  }


def spread(values: np.ndarray) -> str:
  """Mean, smallest and largest."""
  return f'{values.mean():.2f} ({values.min():.2f}-{values.max():.2f})'


def table(seen: dict[tuple[float, float, bool], Seen]) -> str:
  """All settings in Markdown, legible as it stands."""
  rows = [['eps', 'rate', 'clipped, %: Alg. 1', 'tf_style', 'KL ratio']]
  for eps, rate in dict.fromkeys(case[:2] for case in seen):
    plain, hat = (seen[eps, rate, flag] for flag in NAMES)
    values = [100 * s.clip_fraction[:, -1] for s in (plain, hat)]
    values.append(plain.kl[:, -1] / hat.kl[:, -1])
    rows.append([f'{eps:.0e}', f'{rate:.0e}', *map(spread, values)])
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  rows.insert(1, ['-' * (width - 1) + ':' for width in widths])
  lines = (' | '.join(map(str.rjust, row, widths)) for row in rows)
  return '\n'.join(f'| {line} |' for line in lines)


def summary(relative: np.ndarray, seen: dict) -> dict[str, str]:
  """The numbers that a text about this quotes."""
  plain, hat = (seen[EPS, REPORTED_RATE, flag] for flag in NAMES)
  clipped, clipped_hat = (100 * s.clip_fraction[:, -1] for s in (plain, hat))
  return {
      'seeds': str(len(relative)),
      'relative': spread(relative),
      'gradient': f'{EPS / np.sqrt(1 - B2) / np.median(relative):.1e}',
      'clipped': f'{clipped.mean():.1f}',
      'clipped_hat': f'{clipped_hat.mean():.1f}',
      'more': str((clipped > clipped_hat).sum()),
      'first_kl_ratio': spread(plain.kl[:, 0] / hat.kl[:, 0]),
  }


def draw(seen: dict, path: str) -> None:
  """Draws the clip fractions, to be told apart without colour too."""
  plt.rcParams['font.size'] = 9
  figure, axes = plt.subplots(
      1, 2, figsize=(4.4, 3.3), layout='constrained', sharex=True, sharey=True
  )
  rates = np.array(sorted({rate for _, rate, _ in seen}))
  for axis, eps in zip(axes, (EPS, CONTROL), strict=True):
    pair = []
    for flag, style in STYLES.items():
      rows = [seen[eps, rate, flag].clip_fraction[:, -1] for rate in rates]
      pair.append(100 * np.stack(rows))
      # The seeds stand side by side around their learning rate.
      beside = np.arange(pair[0].shape[1]) - (pair[0].shape[1] - 1) / 2
      places = np.outer(rates, 1.08**beside)
      means = pair[-1].mean(axis=1)
      axis.plot(rates, means, **style | {'marker': '', 'lw': 1, 'zorder': 0})
      axis.plot(places.ravel(), pair[-1].ravel(), **style | {'ls': ''})
      axis.plot([], [], **style, label=NAMES[flag])
      if eps == EPS:
        place, value = REPORTED_RATE / 1.3, 100 * REPORTED[flag]
        axis.plot(place, value, **style | {'marker': '*', 'ms': 9})
    axis.vlines(places, *pair, '0.6', lw=0.8, zorder=0)
    axis.set_title(f'eps = {eps:.0e}', fontsize=9)
    axis.set_xlabel('learning rate')
    axis.grid(color='0.9')
  left = axes[0]
  left.plot([], [], 'k*', ms=7, label='reported')
  left.set_xscale('log')
  left.set_xticks(QUICK_RATES, [f'{rate:.0e}' for rate in QUICK_RATES])
  left.xaxis.set_minor_formatter(ticker.NullFormatter())
  # A square root shows small shares next to large ones, and zero.
  left.set_ylim(bottom=0)
  left.set_yscale('function', functions=(np.sqrt, np.square))
  left.set_yticks([0, 0.5, 2, 5, 10, 15], ['0', '0.5', '2', '5', '10', '15'])
  left.set_ylabel('ratios clipped after the update (%)')
  left.legend(loc='upper left', borderpad=0.3, handlelength=1.6)
  figure.savefig(path, dpi=200, facecolor='white')
  plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
  """Runs the example."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--out', default='finding.png', help='the figure')
  parser.add_argument('--json', help='file for the numbers and the table')
  parser.add_argument('--quick', action='store_true', help='1 seed, 3 rates')
  parser.add_argument('--seeds', type=int, nargs='+', help='other seeds')
  args = parser.parse_args(argv)

  seeds = args.seeds or (SEEDS[:1] if args.quick else SEEDS)
  relative, seen = run(seeds, QUICK_RATES if args.quick else RATES, Config())
  numbers, lines = summary(relative, seen), table(seen)
  draw(seen, args.out)
  if args.json:
    data = {'numbers': numbers, 'tables': {'settings': lines}}
    pathlib.Path(args.json).write_text(json.dumps(data, indent=2), 'utf-8')
  print(f"""
{lines}

Ratios clipped with eps={EPS:.0e}, at a learning rate of {REPORTED_RATE:.0e}:
{numbers['clipped']:>6} % in Algorithm 1 (optax, PyTorch)
{numbers['clipped_hat']:>6} % with tf_style=True (TensorFlow, Keras)
Figure: {args.out}""")


if __name__ == '__main__':
  main()
