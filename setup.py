"""Describes the package in build/src to setuptools; see graft/backend.py."""

import glob
from importlib import metadata
import pathlib
import sys

import setuptools

from graft import version

if 'graft.backend' not in sys.modules:
  sys.exit('graft: setup.py alone builds nothing; pip install .')

_FACTS = metadata.metadata('optax')
_SOURCE = pathlib.Path('build/src/optax')
_SOURCE.mkdir(parents=True, exist_ok=True)  # A source distribution has none.
_FILES = [path for path in _SOURCE.rglob('*') if path.is_file()]
_NAMES = [str(path.relative_to(_SOURCE)) for path in _FILES]

setuptools.setup(
    name='optax',
    version=version.of_fork(_FACTS['Version']),
    description='optax, with a flag for the Adam of TensorFlow and Keras.',
    long_description=pathlib.Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license_expression='Apache-2.0',
    license_files=['LICENSE*'],
    python_requires=_FACTS['Requires-Python'],
    install_requires=_FACTS.get_all('Requires-Dist', []),
    extras_require={name: [] for name in _FACTS.get_all('Provides-Extra', [])},
    packages=['optax'],
    package_dir={'': 'build/src'},
    package_data={'optax': [glob.escape(name) for name in _NAMES]},
)
