"""The figure: time relative to the default step, against the model's size."""

from collections.abc import Sequence
import itertools
import pathlib

import matplotlib

matplotlib.use('Agg')

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib import ticker  # noqa: E402

from benchmarks import peers  # noqa: E402
from benchmarks import ratios  # noqa: E402
from benchmarks import trees  # noqa: E402

_MARKERS = 'os^vDPX*<>'
_GREYS = ('0.0', '0.35', '0.6')
_LINES = ('-', '--', ':')


def _line(axes, points, label, style):
  """Draws medians with their intervals; points are (size, ratio)."""
  points = sorted(points, key=lambda point: point[0])
  sizes, measured = zip(*points, strict=True)
  medians = [ratio.median for ratio in measured]
  spread = [
      [max(0.0, r.median - r.interval[0]) for r in measured],
      [max(0.0, r.interval[1] - r.median) for r in measured],
  ]
  axes.errorbar(
      sizes, medians, yerr=spread, label=label, capsize=2, lw=1.2, **style
  )


def _flag_panel(axes, rows: Sequence[dict]) -> None:
  labels = {
      'epsilon_hat': ('flag', 'o', '0.0', '-'),
      'default again': ('default, once more', 's', '0.55', '--'),
  }
  for key, (label, marker, grey, line) in labels.items():
    points = [(row['parameters'], row[key]) for row in rows]
    style = {'marker': marker, 'color': grey, 'ls': line, 'ms': 4}
    _line(axes, points, label, style)


def _peers_panel(axes, rows: Sequence[dict]) -> None:
  styles = itertools.cycle(zip(_MARKERS, itertools.cycle(_LINES), strict=False))
  greys = itertools.cycle(_GREYS)
  for peer in peers.PEERS[1:]:
    marker, line = next(styles)
    style = {'marker': marker, 'ls': line, 'color': next(greys), 'ms': 6}
    style['mfc'] = 'white' if line == '--' else style['color']
    points = [
        (row['parameters'], row['peers'][peer.name])
        for row in rows
        if isinstance(row['peers'].get(peer.name), ratios.Ratio)
    ]
    if points:
      _line(axes, points, peer.name, style)


def draw(results: dict, path: pathlib.Path) -> None:
  """Draws Adam in float32 for each tree: the flag above, the peers below."""
  figure, panels = plt.subplots(
      2, 2, figsize=(9, 8), sharex=True, sharey='row', layout='constrained'
  )
  jitted = [
      row
      for row in results.get('ratios', ())
      if (row['what'], row['optimizer'], row['dtype'])
      == ('jitted step', 'adam', 'float32')
  ]
  others = [
      row for row in results.get('peers', ()) if row['dtype'] == 'float32'
  ]
  sizes = [row['size'] for row in jitted + others]
  for column, tree in enumerate(trees.TREES):
    for axes, draw_panel, rows in (
        (panels[0, column], _flag_panel, jitted),
        (panels[1, column], _peers_panel, others),
    ):
      rows = [row for row in rows if row['tree'] == tree]
      if rows:
        draw_panel(axes, rows)
      axes.axhline(1, color='0.0', lw=0.6)
      axes.set_xscale('log')
      if sizes:  # A single size has no range of its own.
        axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
      axes.grid(alpha=0.3)
    arrays = len(trees.TREES[tree](1))
    title = tree if arrays == 1 else f'{tree}, {arrays} arrays'
    panels[0, column].set_title(title, fontsize=10)
    panels[1, column].set_yscale('log')
    panels[1, column].set_xlabel('parameters (number, log scale)')
  panels[1, 0].yaxis.set_major_formatter(ticker.FormatStrFormatter('%g'))
  panels[0, 0].set_ylabel('flag: time / time of the default (ratio)')
  panels[1, 0].set_ylabel('peers: time / time of the default (ratio, log)')
  if jitted:
    panels[0, 0].legend(fontsize=8)
  handles, labels = panels[1, 0].get_legend_handles_labels()
  if handles:
    figure.legend(
        handles, labels, loc='outside lower center', ncols=3, fontsize=8
    )
  figure.suptitle(
      f'One step of Adam, float32, on {results["machine"]["device"]}',
      fontsize=11,
  )
  figure.savefig(path, dpi=110)
  plt.close(figure)
