"""Grafts the sparse files onto the optax that is installed, and builds that.

A wheel is grafted in a temporary folder. What an editable install imports has
to stay: ``build/fork/VERSION``, replaced only by what is whole and checked.
"""

import os
import pathlib
import shutil
import sys
import tempfile

import setuptools

from graft import formula
from graft import package
from graft import release

HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = release.installed()
UPSTREAM = release.verified(INSTALLED)
HOME = HERE / 'build' / 'fork' / UPSTREAM.version
EDITABLE = 'editable_wheel' in sys.argv


def graft(project: pathlib.Path) -> None:
  """Makes the grafted package, and checks it if it is to be installed."""
  package.write_tree(UPSTREAM, project / 'src')
  shutil.copyfile(HERE / 'LICENSE', project / 'LICENSE')
  for file in INSTALLED.files:
    if file.name == 'LICENSE' and '.dist-info' in file.parts[0]:
      shutil.copyfile(file.locate(), project / 'LICENSE.optax')
  if EDITABLE or 'bdist_wheel' in sys.argv:
    print(formula.check(project / 'src', UPSTREAM.root))


def place(project: pathlib.Path) -> pathlib.Path:
  """Moves a project to where it stays, and what is there out of the way."""
  old = project.with_name('old')
  if HOME.exists():
    HOME.rename(old)
  try:
    return project.rename(HOME)
  except OSError:
    old.rename(HOME)
    raise


def setup(**where) -> None:
  """Has setuptools do what its command line says."""
  facts = INSTALLED.metadata
  setuptools.setup(
      name='optax',
      version=f'{UPSTREAM.version}{"." if "+" in UPSTREAM.version else "+"}{release.LABEL}',
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


if 'sdist' in sys.argv:  # Of the sparse files, not of what they become.
  (HERE / 'build').mkdir(exist_ok=True)
  setup(packages=[], options={'egg_info': {'egg_base': 'build'}})
else:
  if EDITABLE:
    HOME.parent.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryDirectory(
      dir=HOME.parent if EDITABLE else None
  ) as folder:
    built = pathlib.Path(folder, 'project')
    graft(built)
    os.chdir(place(built) if EDITABLE else built)
    try:
      packages = setuptools.find_namespace_packages('src')
      data = {'': ['*']}
      setup(packages=packages, package_dir={'': 'src'}, package_data=data)
    finally:
      os.chdir(HERE)
