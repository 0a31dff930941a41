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

# The report's shares for GPT-2 after one step of Adam with EPS, from the README
# of github.com/vwxyzjn/minimal-adam-difference.
REPORTED_RATE = 1e-5
REPORTED = {False: 0.0202, True: 0.0052}
CONTROL = 1e-8, REPORTED_RATE  # The default epsilon of optax and PyTorch.

say = functools.partial(print, file=sys.stderr, flush=True)  # Progress.


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
  """Python's manual as numbers of common tokens, and which ones are words."""
  text = '\n'.join(topics.topics.values()).lower()
  words = re.findall(r'\w+|[^\w\s]', text)
  common = collections.Counter(words).most_common(config.vocabulary - 1)
  numbers = {word: n for n, (word, _) in enumerate(common, start=1)}
  is_word = [False] + [word.isalpha() for word in numbers]
  return np.array([numbers.get(word, 0) for word in words]), np.array(is_word)


def passages(key, manual: jax.Array, rows: int, length: int) -> jax.Array:
  """Passages of the manual, one in each row."""
  starts = jax.random.randint(key, (rows, 1), 0, len(manual) - length)
  return manual[starts + jnp.arange(length)]


def pretrain(key, manual, config: Config) -> optax.Params:
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
  keys = jax.random.split(text_key, config.pretraining_steps)
  for number, step_key in enumerate(keys):
    params, state = step(step_key, params, state)
    if number % 50 == 0:
      say(f'  step {number + 1} of {len(keys)}')
  return params


def log_policy(params, tokens: jax.Array, config: Config) -> jax.Array:
  """Log-probabilities that a policy gives to the responses' tokens."""
  logits = jnp.asarray(LanguageModel(config).apply(params, tokens[:, :-1]))
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
    logits = jnp.asarray(LanguageModel(config).apply(params, tokens))
    logits = logits[:, place - 1]
    drawn = jax.random.categorical(key, logits / config.temperature)
    return tokens.at[:, place].set(drawn), None

  places = config.query + jnp.arange(config.response)
  keys = jax.random.split(response_key, config.response)
  tokens, _ = jax.lax.scan(write, tokens, (places, keys))
  rewards = is_word[tokens[:, config.query :]].mean(axis=1, keepdims=True)
  advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-8)
  return Rollout(tokens, log_policy(params, tokens, config), advantages)


def ppo_loss(params, rollout, config: Config) -> tuple[jax.Array, jax.Array]:
  """PPO's clipped objective, to be minimized, and the share it clips."""
  ratios = jnp.exp(log_policy(params, rollout.tokens, config) - rollout.logs)
  gains = ratios * rollout.advantages
  clipped = jnp.clip(ratios, 1 - CLIP, 1 + CLIP) * rollout.advantages
  return -jnp.minimum(gains, clipped).mean(), jnp.mean(clipped < gains)


@functools.partial(jax.jit, static_argnames=('config', 'tf_style'))
def update(params, rollout, rate, eps, config: Config, tf_style: bool):
  """The share of ratios that are clipped after one PPO update."""
  adam = optax.adam(rate, b2=B2, eps=eps, tf_style=tf_style)

  def step(carry, _):
    params, state = carry
    grads, _ = jax.grad(ppo_loss, has_aux=True)(params, rollout, config)
    updates, state = adam.update(grads, state)
    return (optax.apply_updates(params, updates), state), None

  carry = params, adam.init(params)
  (params, _), _ = jax.lax.scan(step, carry, length=config.epochs)
  return ppo_loss(params, rollout, config)[1]


@functools.partial(jax.jit, static_argnames='config')
def relative_epsilon(params, rollout, config: Config) -> jax.Array:
  """The effective epsilon of tf_style's first step, in median gradients."""
  grads, _ = jax.grad(ppo_loss, has_aux=True)(params, rollout, config)
  sizes = [jnp.abs(grad).ravel() for grad in jax.tree.leaves(grads)]
  return EPS / jnp.sqrt(1 - B2) / jnp.median(jnp.concatenate(sizes))


def run(seeds, rates, config: Config) -> tuple[np.ndarray, dict]:
  """The relative epsilons, and the clipped shares in percent, by seed."""
  manual, is_word = map(jnp.asarray, read_manual(config))
  settings = [*((EPS, rate) for rate in rates), CONTROL]
  relative, shares = [], {(*s, flag): [] for s in settings for flag in REPORTED}
  for seed in seeds:
    model_key, response_key = jax.random.split(jax.random.key(seed))
    say(f'seed {seed}: compiling the pretraining of the model')
    params = pretrain(model_key, manual, config)
    say(f'seed {seed}: compiling (once) and drawing the responses')
    rollout = roll_out(response_key, params, manual, is_word, config)
    relative.append(relative_epsilon(params, rollout, config))
    say(f'seed {seed}: compiling (once) and taking {len(shares)} PPO updates')
    for (eps, rate, flag), row in shares.items():
      share = update(params, rollout, rate, eps, config, flag)
      row.append(100 * float(share))
  shares = {case: np.array(row) for case, row in shares.items()}
  return np.array(relative), shares


def spread(values: np.ndarray) -> str:
  """The mean, and the smallest and the largest of several."""
  ends = f' ({values.min():.2f}-{values.max():.2f})' if len(values) > 1 else ''
  return f'{values.mean():.2f}{ends}'


def table(shares: dict[tuple[float, float, bool], np.ndarray]) -> str:
  """All settings as a Markdown table that a terminal shows well, too."""
  row = '| {:>5} | {:>13} | {:>19} | {:>19} |'.format
  lines = [row('eps', 'learning rate', 'Algorithm 1, %', 'tf_style=True, %')]
  lines.append(row('--:', '--:', '--:', '--:'))
  for eps, rate in dict.fromkeys(case[:2] for case in shares):
    cells = (spread(shares[eps, rate, flag]) for flag in REPORTED)
    lines.append(row(f'{eps:.0e}', f'{rate:.0e}', *cells))
  return '\n'.join(lines)


def draw(shares: dict, path: str) -> None:
  """Draws the shares clipped at EPS, and those reported for GPT-2."""
  plt.rcParams.update({'font.size': 13, 'svg.hashsalt': 'finding'})
  figure, axes = plt.subplots(figsize=(5.6, 4.4), layout='constrained')
  rates = sorted({rate for eps, rate, _ in shares if eps == EPS})
  names = {False: '  Algorithm 1', True: '  tf_style'}
  for flag, color in {False: '#a33b00', True: '#1f5fa8'}.items():
    # Filled or hollow, to tell them apart in gray too.
    style = {'color': color, 'mfc': 'white' if flag else color}
    points = np.array([shares[EPS, rate, flag] for rate in rates])
    means = points.mean(axis=1)
    axes.plot(rates, means, color=color)
    axes.plot(rates, points, 'o', ms=5, **style)
    axes.plot(REPORTED_RATE, 100 * REPORTED[flag], '*', ms=15, **style)
    axes.text(rates[-1], means[-1], names[flag], color=color, va='center')
  label = '   stars: GPT-2, one step'
  axes.text(REPORTED_RATE, 100 * REPORTED[True], label, va='center')
  title = 'Ratios clipped after one update, % (square root scale)'
  axes.set_title(title, size=13, loc='left')
  axes.set(xlabel='learning rate', xscale='log', ylim=(0, None))
  axes.set_xticks(rates, [f'{rate:.0e}'.replace('e-0', 'e-') for rate in rates])
  # A square root shows small shares next to large ones, and zero.
  axes.set_yscale('function', functions=(np.sqrt, np.square))
  axes.set_yticks([0, 0.5, 2, 5, 10, 15], ['0', '0.5', '2', '5', '10', '15'])
  axes.minorticks_off()
  axes.spines[['top', 'right']].set_visible(False)
  axes.grid(color='0.9')
  figure.savefig(path, metadata={'Date': None})


def main(argv: list[str] | None = None) -> None:
  """Runs the example."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--out', default='finding.svg', help='the figure')
  parser.add_argument('--json', help='file for the numbers and the table')
  parser.add_argument('--quick', action='store_true', help='1 seed, 3 rates')
  parser.add_argument('--seeds', type=int, nargs='+', help='other seeds')
  args = parser.parse_args(argv)
  seeds = args.seeds or range(1 if args.quick else 4)
  relative, shares = run(seeds, RATES[::2] if args.quick else RATES, Config())
  lines = table(shares)
  print(f'Ratios clipped after four steps of Adam:\n\n{lines}\n')
  draw(shares, args.out)
  print(f'Figure: {args.out}')
  if args.json:
    plain, hat = (shares[EPS, REPORTED_RATE, flag] for flag in REPORTED)
    found = {
        'clipped': f'{plain.mean():.1f}',
        'clipped_hat': f'{hat.mean():.1f}',
        'more': f'{(plain > hat).sum()} of {len(seeds)}',
        'relative': spread(relative),
        'table': lines,
    }
    pathlib.Path(args.json).write_text(json.dumps(found, indent=2), 'utf-8')


if __name__ == '__main__':
  main()
