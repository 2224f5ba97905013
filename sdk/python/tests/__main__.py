"""`python3 -m tests` runs everything and says at its end `N passed, N failed`."""

import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
result = unittest.TextTestRunner(verbosity=2).run(unittest.TestLoader().discover(str(HERE), top_level_dir=str(HERE.parent)))
# A test with several parts that fail is one failed test.
failed = {getattr(test, "test_case", test) for test, _ in result.failures + result.errors} | set(result.unexpectedSuccesses)
print(f"{max(result.testsRun - len(failed) - len(result.skipped), 0)} passed, {len(failed)} failed", flush=True)
sys.exit(1 if failed else 0)
