"""Adam in other frameworks, on the same arrays, against the default step.

A few processes stay up for the whole run and work only when asked to. What runs
on JAX shares one of them with the reference, optax's default step: with small
arrays the same step may take half as long in one process as in another (it does
once Keras is imported). A round asks reference, peer, peer, reference.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import json
import os
import subprocess
import sys

from benchmarks import ratios


@dataclasses.dataclass(frozen=True)
class Peer:
  """A step to compare with.

  Attributes:
    name: Name in the tables.
    process: The process that it runs in.
    framework: Module of `benchmarks.frameworks` that has it.
    step: The step's name there.
  """

  name: str
  process: str
  framework: str
  step: str = 'adam'


REFERENCE = Peer('optax', 'jax', 'jax', 'optax')
FLOOR = 'floor: read p, g, m, v, write p, m, v'
PEERS = (
    Peer('optax again', 'jax', 'jax', 'optax'),
    Peer('optax, epsilon_hat', 'jax', 'jax', 'optax, epsilon_hat'),
    Peer(FLOOR, 'jax', 'jax', 'floor'),
    Peer('floor: copy of as many bytes', 'jax', 'jax', 'copy'),
    Peer('Keras on JAX, compiled', 'jax', 'keras_jax'),
    Peer('Keras on TensorFlow, compiled', 'tensorflow', 'keras_tensorflow'),
    Peer('TensorFlow kernel', 'tensorflow', 'tensorflow'),
    Peer('PyTorch, single-tensor', 'torch', 'torch', 'single-tensor'),
    Peer('PyTorch, foreach', 'torch', 'torch', 'foreach'),
    Peer('PyTorch, fused', 'torch', 'torch', 'fused'),
)


class Unavailable(Exception):
  """A peer cannot run here; the message says why."""


class Worker:
  """A process for frameworks that can share one.

  Args:
    name: Name of the process, which is also the backend that Keras has in it.
    platform: The device that frameworks have to see, ``cpu`` or ``gpu``.
  """

  def __init__(self, name: str, platform: str):
    self.versions = {}
    self._platform = platform
    self._broken = {}
    environment = {
        'KERAS_BACKEND': name,
        # Several processes share the memory of one device.
        'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',
        'TF_FORCE_GPU_ALLOW_GROWTH': 'true',
    }
    self._process = subprocess.Popen(
        [sys.executable, '-m', 'benchmarks.worker'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )

  def ask(self, **question) -> dict:
    """Sends a question and waits for the answer.

    Args:
      **question: What `benchmarks.worker` understands.

    Returns:
      The answer.

    Raises:
      Unavailable: the answer is an error, or the process has ended.
    """
    try:
      print(json.dumps(question), file=self._process.stdin, flush=True)
      line = self._process.stdout.readline()
    except BrokenPipeError:
      line = ''
    if not line:
      raise Unavailable(f'its process ended with {self._process.wait()}')
    answer = json.loads(line)
    if 'error' in answer:
      raise Unavailable(answer['error'])
    return answer

  def load(self, framework: str) -> None:
    """Imports a framework, the first time.

    Args:
      framework: Module of `benchmarks.frameworks`.

    Raises:
      Unavailable: it is not installed, or not for this device.
    """
    if framework not in self.versions | self._broken:
      try:
        facts = self.ask(do='load', framework=framework)
        if facts['platform'] != self._platform:
          raise Unavailable(f'{facts["version"]} sees no {self._platform}')
        self.versions[framework] = facts['version']
      except Unavailable as error:
        self._broken[framework] = str(error)
    if framework in self._broken:
      raise Unavailable(self._broken[framework])

  def timer(self, slot: str) -> ratios.Timer:
    """A timer of the step that was last prepared under a name."""
    return lambda calls: self.ask(do='time', slot=slot, calls=calls)['seconds']

  def has_ended(self) -> bool:
    """Whether the process is gone, as when it was killed for its memory."""
    return self._process.poll() is not None

  def close(self) -> None:
    """Ends the process."""
    with contextlib.suppress(BrokenPipeError):
      self._process.stdin.close()
    self._process.wait()


class Pool(contextlib.ExitStack):
  """The processes of a run, each started when it is needed and not there."""

  def __init__(self, platform: str):
    super().__init__()
    self._platform = platform
    self._workers = {}

  def worker(self, name: str) -> Worker:
    """The process of that name."""
    if name not in self._workers or self._workers[name].has_ended():
      worker = Worker(name, self._platform)
      self._workers[name] = worker
      self.callback(worker.close)
      # Imported for every comparison or for none, see the module's docstring.
      for framework in ('jax', 'keras_jax') if name == 'jax' else ():
        with contextlib.suppress(Unavailable):
          worker.load(framework)
    return self._workers[name]

  def versions(self) -> set[str]:
    """The names and versions of what was loaded."""
    return {
        version
        for worker in self._workers.values()
        for versions in worker.versions.values()
        for version in versions.split(', ')
    }


def compare(
    pool: Pool,
    selected: tuple[Peer, ...],
    tree: str,
    size: int,
    dtype: str,
    effort: ratios.Effort,
) -> Iterator[tuple[Peer, ratios.Ratio | str]]:
  """Compares peers with the default step on one tree.

  Args:
    pool: The processes.
    selected: The peers.
    tree: Name in `benchmarks.trees.TREES`.
    size: Number of parameters.
    dtype: Type of the parameters, and so of the state.
    effort: How much each comparison measures; all on one build.

  Yields:
    A peer with its ratio, or with the reason why there is none.
  """
  cell = {'tree': tree, 'size': size, 'dtype': dtype}

  def prepare(peer, slot):
    worker = pool.worker(peer.process)
    worker.load(peer.framework)
    worker.ask(
        do='prepare',
        slot=slot,
        framework=peer.framework,
        step=peer.step,
        **cell,
    )
    return worker

  try:
    reference = prepare(REFERENCE, 'reference')
  except Unavailable as error:
    yield from ((peer, str(error)) for peer in selected)
    return
  for peer in selected:
    try:
      worker = prepare(peer, 'peer')
      timers = {
          'reference': reference.timer('reference'),
          'peer': worker.timer('peer'),
      }
      times = ratios.interleave(timers, effort)
      worker.ask(do='drop', slot='peer')
    except Unavailable as error:
      yield peer, str(error)
    else:
      yield peer, ratios.against('reference', times)['peer']
  with contextlib.suppress(Unavailable):
    reference.ask(do='drop', slot='reference')
