"""The finding of optax issue 571, in miniature: one PPO update of an LM.

A GPT-2-style model learns to write like Python's manual. Its responses are then
rewarded for words, and one PPO update takes four steps of Adam: with Algorithm
1 (the default) and with TensorFlow's form (``tf_style=True``), on the same
responses. Prints and draws the share of ratios that PPO then clips.

  pip install -r examples/requirements.txt
  python examples/finding.py --quick
"""

import argparse
import collections
import functools
import json
import pathlib
from pydoc_data import topics
import re
import sys
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from matplotlib import pyplot as plt
import numpy as np
import optax

B2 = 0.999
CLIP = 0.2
INIT = nn.initializers.normal(0.02)  # As in GPT-2.
EPS = 1e-5  # From OpenAI's lm-human-preferences, which the report reproduces.
RATES = (3e-6, 6e-6, 1e-5, 2e-5, 3e-5)

# The report's percentages for GPT-2 after one step of Adam with EPS, from the
# README of github.com/vwxyzjn/minimal-adam-difference.
REPORTED_RATE = 1e-5
REPORTED = {False: 2.02, True: 0.52}
DEFAULT_EPS = 1e-8  # Of optax and PyTorch.


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
  """Queries with the model's responses, and their advantages."""

  tokens: jax.Array  # A query and its response in each row.
  logs: jax.Array  # Log-probabilities of the responses' tokens when drawn.
  advantages: jax.Array  # The whitened reward of each response.


class Setting(NamedTuple):
  """One call of `optax.adam`."""

  eps: float
  rate: float
  tf_style: bool


def say(message: str) -> None:
  """Reports progress."""
  print(message, file=sys.stderr, flush=True)


class Block(nn.Module):
  """Attention and a perceptron, each after a layer norm."""

  heads: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    width = x.shape[-1]
    attention = nn.MultiHeadDotProductAttention(self.heads, kernel_init=INIT)
    mask = nn.make_causal_mask(x[..., 0])
    normed = nn.LayerNorm()(x)
    x += attention(normed, mask=mask)
    hidden = nn.LayerNorm()(x)
    hidden = nn.Dense(4 * width, kernel_init=INIT)(hidden)
    hidden = nn.gelu(hidden)
    return x + nn.Dense(width, kernel_init=INIT)(hidden)


class LanguageModel(nn.Module):
  """GPT-2, small: the logits of the next token at every place."""

  config: Config

  @nn.compact
  def __call__(self, tokens: jax.Array) -> jax.Array:
    config = self.config
    length = config.query + config.response
    embed = nn.Embed(config.vocabulary, config.width, embedding_init=INIT)
    places = self.param('places', INIT, (length, config.width))
    x = embed(tokens)
    x += places[: tokens.shape[1]]
    for _ in range(config.layers):
      x = Block(config.heads)(x)
    x = nn.LayerNorm()(x)
    return embed.attend(x)


def read_manual(config: Config) -> tuple[jax.Array, jax.Array]:
  """Returns Python's manual as tokens, and which tokens are words.

  Token 0 stands for everything that is not in the vocabulary.
  """
  text = '\n'.join(topics.topics.values()).lower()
  pieces = re.findall(r'\w+|[^\w\s]', text)
  counts = collections.Counter(pieces)
  vocabulary = ['']  # No piece is empty.
  for piece, _ in counts.most_common(config.vocabulary - 1):
    vocabulary.append(piece)
  token_of = {piece: token for token, piece in enumerate(vocabulary)}
  tokens = [token_of.get(piece, 0) for piece in pieces]
  is_word = [piece.isalpha() for piece in vocabulary]
  return jnp.array(tokens), jnp.array(is_word)


def draw_passages(key, manual: jax.Array, rows: int, length: int) -> jax.Array:
  """Returns random passages of the manual, one in each row."""
  starts = jax.random.randint(key, (rows, 1), 0, len(manual) - length)
  places = starts + jnp.arange(length)
  return manual[places]


def pretrain(key, manual, config: Config) -> optax.Params:
  """Teaches a model to predict the manual's next token."""
  model = LanguageModel(config)
  schedule = optax.linear_schedule(0, config.pretraining_rate, 20)
  solver = optax.adam(schedule)
  init_key, text_key = jax.random.split(key)
  length = config.query + config.response + 1

  def loss_fn(params, tokens):
    before, after = tokens[:, :-1], tokens[:, 1:]
    logits = model.apply(params, before)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, after)
    return losses.mean()

  @jax.jit
  def step(key, params, state):
    tokens = draw_passages(key, manual, config.pretraining_batch, length)
    grads = jax.grad(loss_fn)(params, tokens)
    updates, state = solver.update(grads, state)
    return optax.apply_updates(params, updates), state

  params = model.init(init_key, manual[None, : config.query])
  state = solver.init(params)
  keys = jax.random.split(text_key, config.pretraining_steps)
  for number, step_key in enumerate(keys):
    params, state = step(step_key, params, state)
    if number % 50 == 0:
      say(f'  step {number + 1} of {len(keys)}')
  return params


def log_policy(params, tokens: jax.Array, config: Config) -> jax.Array:
  """Returns the log-probabilities of the responses' tokens."""
  responses = tokens[:, config.query :]
  logits = LanguageModel(config).apply(params, tokens[:, :-1])
  logits = logits[:, config.query - 1 :]  # Those that predict the responses.
  logits /= config.temperature
  return -optax.softmax_cross_entropy_with_integer_labels(logits, responses)


@functools.partial(jax.jit, static_argnames='config')
def roll_out(key, params, manual, is_word, config: Config) -> Rollout:
  """Lets a policy respond to passages of the manual, and rewards words."""
  text_key, response_key = jax.random.split(key)
  queries = draw_passages(text_key, manual, config.responses, config.query)
  tokens = jnp.pad(queries, ((0, 0), (0, config.response)))

  def write(tokens, place_and_key):
    place, key = place_and_key
    logits = LanguageModel(config).apply(params, tokens)
    next_logits = logits[:, place - 1] / config.temperature
    drawn = jax.random.categorical(key, next_logits)
    return tokens.at[:, place].set(drawn), None

  places = config.query + jnp.arange(config.response)
  keys = jax.random.split(response_key, config.response)
  tokens, _ = jax.lax.scan(write, tokens, (places, keys))
  responses = tokens[:, config.query :]
  rewards = is_word[responses].mean(axis=1, keepdims=True)
  advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-8)
  logs = log_policy(params, tokens, config)
  return Rollout(tokens, logs, advantages)


def ppo_loss(params, rollout, config: Config) -> tuple[jax.Array, jax.Array]:
  """Returns PPO's loss, and the share of ratios that it clips."""
  logs = log_policy(params, rollout.tokens, config)
  ratios = jnp.exp(logs - rollout.logs)
  clipped_ratios = jnp.clip(ratios, 1 - CLIP, 1 + CLIP)
  gains = ratios * rollout.advantages
  clipped_gains = clipped_ratios * rollout.advantages
  loss = -jnp.minimum(gains, clipped_gains).mean()
  is_clipped = clipped_gains < gains
  return loss, is_clipped.mean()


def ppo_gradient(params, rollout, config: Config) -> optax.Updates:
  """Returns the gradient of PPO's objective."""
  grads, _ = jax.grad(ppo_loss, has_aux=True)(params, rollout, config)
  return grads


@functools.partial(jax.jit, static_argnames=('config', 'tf_style'))
def update(params, rollout, rate, eps, config: Config, tf_style: bool):
  """Returns the share of ratios that are clipped after one PPO update."""
  adam = optax.adam(rate, b2=B2, eps=eps, tf_style=tf_style)

  def step(carry, _):
    params, state = carry
    grads = ppo_gradient(params, rollout, config)
    updates, state = adam.update(grads, state)
    return (optax.apply_updates(params, updates), state), None

  carry = params, adam.init(params)
  (params, _), _ = jax.lax.scan(step, carry, length=config.epochs)
  _, share = ppo_loss(params, rollout, config)
  return share


@functools.partial(jax.jit, static_argnames='config')
def relative_epsilon(params, rollout, config: Config) -> jax.Array:
  """Returns the effective epsilon of the first step, in median gradients."""
  grads = ppo_gradient(params, rollout, config)
  numbers = [jnp.ravel(grad) for grad in jax.tree.leaves(grads)]
  sizes = jnp.abs(jnp.concatenate(numbers))
  effective = EPS / jnp.sqrt(1 - B2)
  return effective / jnp.median(sizes)


def list_settings(rates) -> list[Setting]:
  """Returns all settings: EPS with each rate, then the default epsilon."""
  settings = []
  for rate in rates:
    settings.append(Setting(EPS, rate, tf_style=False))
    settings.append(Setting(EPS, rate, tf_style=True))
  settings.append(Setting(DEFAULT_EPS, REPORTED_RATE, tf_style=False))
  settings.append(Setting(DEFAULT_EPS, REPORTED_RATE, tf_style=True))
  return settings


def run_seed(seed: int, settings, config: Config) -> tuple[float, list[float]]:
  """Returns the relative epsilon, and the percentage clipped by setting."""
  manual, is_word = read_manual(config)
  model_key, response_key = jax.random.split(jax.random.key(seed))
  say(f'seed {seed}: compiling the pretraining of the model')
  params = pretrain(model_key, manual, config)
  say(f'seed {seed}: compiling (once) and drawing the responses')
  rollout = roll_out(response_key, params, manual, is_word, config)
  relative = relative_epsilon(params, rollout, config)
  say(f'seed {seed}: compiling (once) and taking {len(settings)} PPO updates')
  percentages = []
  for eps, rate, tf_style in settings:
    share = update(params, rollout, rate, eps, config, tf_style)
    percentages.append(100 * float(share))
  return float(relative), percentages


def spread(values) -> str:
  """Returns the mean, and the smallest and the largest of several."""
  mean = f'{np.mean(values):.2f}'
  if len(values) == 1:
    return mean
  return f'{mean} ({min(values):.2f}-{max(values):.2f})'


def table(shares: dict[Setting, list[float]]) -> str:
  """Returns all settings as a Markdown table, aligned for a terminal."""
  row = '| {:>5} | {:>13} | {:>19} | {:>19} |'
  names = ('eps', 'learning rate', 'Algorithm 1, %', 'tf_style=True, %')
  lines = [row.format(*names), row.format('--:', '--:', '--:', '--:')]
  for setting in shares:
    if setting.tf_style:
      continue
    default = shares[setting]
    hat = shares[setting._replace(tf_style=True)]
    eps = f'{setting.eps:.0e}'
    rate = f'{setting.rate:.0e}'
    lines.append(row.format(eps, rate, spread(default), spread(hat)))
  return '\n'.join(lines)


def draw_shares(axes, shares, tf_style: bool, name: str, color: str) -> None:
  """Draws the shares clipped at EPS, and the one reported for GPT-2."""
  settings = [x for x in shares if x.eps == EPS and x.tf_style == tf_style]
  rates = [setting.rate for setting in settings]
  points = np.array([shares[setting] for setting in settings])
  means = points.mean(axis=1)
  # Filled or hollow, to tell them apart in gray too.
  fill = 'white' if tf_style else color
  axes.plot(rates, means, color=color)
  axes.plot(rates, points, 'o', ms=5, color=color, mfc=fill)
  reported = REPORTED[tf_style]
  axes.plot(REPORTED_RATE, reported, '*', ms=15, color=color, mfc=fill)
  axes.text(rates[-1], means[-1], f'  {name}', color=color, va='center')


def label_axes(axes, rates) -> None:
  """Labels the axes, with a scale that shows small shares and zero."""
  title = 'Ratios clipped after one update, % (square root scale)'
  axes.set_title(title, size=13, loc='left')
  axes.set(xlabel='learning rate', xscale='log', ylim=(0, None))
  axes.set_xticks(rates, [f'{rate:.0e}'.replace('e-0', 'e-') for rate in rates])
  axes.set_yscale('function', functions=(np.sqrt, np.square))
  axes.set_yticks([0, 0.5, 2, 5, 10, 15], ['0', '0.5', '2', '5', '10', '15'])
  axes.minorticks_off()
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(color='0.9')


def draw(shares: dict[Setting, list[float]], path: str) -> None:
  """Draws the figure of docs/finding.md."""
  plt.rcParams.update({'font.size': 13, 'svg.hashsalt': 'finding'})
  figure, axes = plt.subplots(figsize=(5.6, 4.4), layout='constrained')
  draw_shares(axes, shares, False, 'Algorithm 1', '#a33b00')
  draw_shares(axes, shares, True, 'tf_style', '#1f5fa8')
  stars = '   stars: GPT-2, one step'
  axes.text(REPORTED_RATE, REPORTED[True], stars, va='center')
  label_axes(axes, sorted({x.rate for x in shares if x.eps == EPS}))
  figure.savefig(path, metadata={'Date': None})


def summary(relative, shares) -> dict[str, str]:
  """Returns the figures that docs/finding.md quotes."""
  default = np.array(shares[Setting(EPS, REPORTED_RATE, tf_style=False)])
  hat = np.array(shares[Setting(EPS, REPORTED_RATE, tf_style=True)])
  is_more = default > hat
  return {
      'clipped': f'{default.mean():.1f}',
      'clipped_hat': f'{hat.mean():.1f}',
      'more': f'{is_more.sum()} of {len(is_more)}',
      'relative': spread(relative),
      'table': table(shares),
  }


def main(argv: list[str] | None = None) -> None:
  """Runs the example."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--out', default='finding.svg', help='the figure')
  parser.add_argument('--json', help='file for the numbers and the table')
  parser.add_argument('--quick', action='store_true', help='1 seed, 3 rates')
  parser.add_argument('--seeds', type=int, nargs='+', help='other seeds')
  args = parser.parse_args(argv)
  seeds = args.seeds or range(1 if args.quick else 4)
  settings = list_settings(RATES[::2] if args.quick else RATES)

  relative = []
  shares = {setting: [] for setting in settings}
  for seed in seeds:
    epsilon, percentages = run_seed(seed, settings, Config())
    relative.append(epsilon)
    for setting, percentage in zip(settings, percentages, strict=True):
      shares[setting].append(percentage)

  print(f'Ratios clipped after four steps of Adam:\n\n{table(shares)}\n')
  draw(shares, args.out)
  print(f'Figure: {args.out}')
  if args.json:
    found = json.dumps(summary(relative, shares), indent=2)
    pathlib.Path(args.json).write_text(found, 'utf-8')


if __name__ == '__main__':
  main()
