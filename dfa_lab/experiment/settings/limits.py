"""The one list of limits: of settings, of a session or text from elsewhere, and of what a page may ask for.

Code may ask for more than a text, and a text for more than a page, which anybody who sees it can make send anything.
"""

from __future__ import annotations

#: Settings: replicas, hidden layers, steps between two measurements, numbers in the parameters of a field's choices.
MOST_REPLICAS, MOST_LAYERS, MOST_APART, MOST_PARAMETERS = 4096, 100, 10**9, 100_000
#: Settings: units in a hidden layer, and the greatest seed.
MOST_UNITS, LAST_SEED = 16384, 2**31 - 1
#: Numbers that the weights, the activities of a batch or a task's data of a text may take: some 800 MB each.
MOST_NUMBERS = 200_000_000
#: Inputs or outputs that are reckoned with where only the task knows them.
ENDS = 3072
#: A session: steps, changes, lanes beside the run itself, characters of its text, of its words, of a view's parts.
MOST_STEPS, MOST_CHANGES, MOST_LANES, LONGEST_TEXT = 10**12, 10**6, 3, 100_000_000
LONGEST = {"name": 80, "title": 200, "about": 2000, "view": 80}
#: Steps that a command to a runner may name.
COMMAND_STEPS = 10**15
#: A page: weights of all replicas (240 MB of float32), replicas, threads.
PAGE_WEIGHTS, PAGE_REPLICAS, PAGE_THREADS = 60_000_000, 64, 16
#: A page: the greatest number in a choice's parameters, the characters of any text and the entries of any list.
PAGE_NUMBER, PAGE_CHARACTERS = 100_000, 500
#: A page: changes of a session, characters of the JSON in its text, pinned runs, characters in a file's name.
PAGE_CHANGES, PAGE_TEXT, PAGE_PINS, FILE_NAME = 10_000, 4_000_000, 4, 80
#: A page's message: characters of a session's text, fields, characters of the fields, steps.
MESSAGE_TEXT, MESSAGE_FIELDS, MESSAGE_FIELDS_TEXT, MESSAGE_STEPS = 1_000_000, 64, 100_000, 10**8
