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


def setup(**where) -> None:
  """Has setuptools do what its command line says."""
  facts = INSTALLED.metadata
  mark = '.' if '+' in UPSTREAM.version else '+'
  setuptools.setup(
      name='optax',
      version=f'{UPSTREAM.version}{mark}{release.LABEL}',
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


if EDITABLE or 'sdist' in sys.argv:  # A wheel writes nothing here.
  HOME.parent.mkdir(parents=True, exist_ok=True)
PLACE = HOME.parent if EDITABLE else None
with tempfile.TemporaryDirectory(dir=PLACE) as beside:
  built = pathlib.Path(beside, 'project')
  if 'sdist' in sys.argv:  # Of the sparse files, not of what they become.
    setup(packages=[], options={'egg_info': {'egg_base': 'build'}})
  else:
    graft(built)
    if EDITABLE:
      if HOME.exists():
        HOME.rename(pathlib.Path(beside, 'old'))
      built = built.rename(HOME)
    os.chdir(built)
    try:
      packages = setuptools.find_namespace_packages('src')
      data = {'': ['*']}
      setup(packages=packages, package_dir={'': 'src'}, package_data=data)
    finally:
      os.chdir(HERE)
