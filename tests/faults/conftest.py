"""What is not collected yet: tests that were not run twenty times, which is what a new race or fault test needs first.

They belong to the fault campaign (`make faults`); run one by naming its file.
"""

import sys

NOT_YET_TRUSTED = [
    "test_campaign.py",
    "test_campaign_mutations.py",
    "test_database_frozen.py",
    "test_disk_full.py",
    "test_overload.py",
]
collect_ignore = [name for name in NOT_YET_TRUSTED if not any(name in argument for argument in sys.argv)]
