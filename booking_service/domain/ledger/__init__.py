"""The ledger of an event: every act that took or gave back seats, in the order of decision."""
