"""Lists the public names of neural-tangents, with their arguments or members.

Run by the Python of `make bench-peers` (neural-tangents 0.6.5, jax 0.4.25):

    python names.py > names.txt

One name a line: a function or class with the names of its arguments, those
with a leading underscore left out; "=" before the members of an enumeration.
"""

import enum
import inspect
import os

os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import neural_tangents as nt  # noqa: E402  (after the platform is chosen)

for prefix, module in (('', nt), ('stax.', nt.stax), ('predict.', nt.predict),
                       ('experimental.', nt.experimental)):
  for name, value in sorted(vars(module).items()):
    if name.startswith('_') or inspect.ismodule(value):
      continue
    if inspect.isclass(value) and issubclass(value, enum.Enum):
      print(prefix + name, '=', *(m.name for m in value))
      continue
    try:
      arguments = inspect.signature(value).parameters
    except (TypeError, ValueError):  # no function, as stax.Slice
      arguments = ()
    print(prefix + name, *(a for a in arguments if not a.startswith('_')))
