"""`python -m paylink_sandbox`"""

import sys

from paylink_sandbox.server import main

if __name__ == "__main__":
    sys.exit(main())
