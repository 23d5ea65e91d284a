"""Stage `payouts`: what wallets earned with data that passed, written to the ledger and paid on chain."""
