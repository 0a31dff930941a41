"""Grafts the sparse files onto the optax that is installed, and builds that.

A wheel is grafted in a temporary folder. What an editable install imports has
to stay: ``build/fork/VERSION``, replaced only by what is whole and checked.
"""

import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

from graft import formula
from graft import package
from graft import release
import setuptools

HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = release.installed()
UPSTREAM = release.verified(INSTALLED)
HOME = HERE / 'build' / 'fork' / UPSTREAM.version


def graft(project: pathlib.Path) -> None:
  """Makes a project for setuptools of the grafted package."""
  package.write_tree(UPSTREAM, project / 'src')
  for name in ('LICENSE', 'README.md'):
    shutil.copyfile(HERE / name, project / name)
  for file in INSTALLED.files:
    if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
      shutil.copyfile(file.locate(), project / 'LICENSE.optax')


def place(project: pathlib.Path) -> None:
  """Moves a project to where it stays, and what is there out of the way."""
  old = project.with_name('old')
  with contextlib.suppress(FileNotFoundError):
    HOME.rename(old)
  try:
    project.rename(HOME)
  except OSError:
    old.rename(HOME)
    raise


def setup(**where) -> None:
  """Has setuptools do what its command line says."""
  facts = INSTALLED.metadata
  setuptools.setup(
      name='optax',
      version=release.label(UPSTREAM.version),
      description='optax, with a flag for the Adam of TensorFlow and Keras.',
      long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
      long_description_content_type='text/markdown',
      license_expression='Apache-2.0',
      license_files=['LICENSE*'],
      python_requires=facts['Requires-Python'],
      install_requires=facts.get_all('Requires-Dist', []),
      extras_require={name: [] for name in facts.get_all('Provides-Extra', [])},
      **where,
  )


def main(editable: bool) -> None:
  """Grafts, checks and hands over to setuptools."""
  if editable:
    HOME.parent.mkdir(parents=True, exist_ok=True)
  beside = HOME.parent if editable else None
  with tempfile.TemporaryDirectory(dir=beside) as temporary:
    project = pathlib.Path(temporary, 'project')
    graft(project)
    if editable or 'bdist_wheel' in sys.argv:
      print(formula.check(project / 'src', UPSTREAM.root))
    if editable:
      place(project)
    os.chdir(HOME if editable else project)
    try:
      packages = setuptools.find_namespace_packages('src')
      setup(packages=packages, package_dir={'': 'src'}, package_data={'': ['*']})
    finally:
      os.chdir(HERE)


if 'sdist' in sys.argv:  # Holds the sparse files; what they become is not ours.
  (HERE / 'build').mkdir(exist_ok=True)
  setup(packages=[], options={'egg_info': {'egg_base': 'build'}})
else:
  main('editable_wheel' in sys.argv)
