"""What a player earned, and the transactions that paid it."""

from fastapi import APIRouter

from resources.ledger import Earning
from scalediff_contract.uploads import MAX_LISTED_EARNINGS, PlayerEarning, PlayerEarnings
from upload_api.service import Service, ServiceDep, SignedInWallet

router = APIRouter(prefix="/v1/earnings", tags=["earnings"])


@router.get("")
def list_earnings(wallet: SignedInWallet, service: ServiceDep) -> PlayerEarnings:
    """My entries in the ledger, newest first, with their transactions, and what I earned in all."""
    earned_lamports, paid_lamports = service.ledger.wallet_sums(wallet)
    found = service.ledger.earnings_of(wallet, MAX_LISTED_EARNINGS)
    return PlayerEarnings(
        earned_lamports=earned_lamports,
        paid_lamports=paid_lamports,
        entries=tuple(_as_seen(entry, service) for entry in found),
    )


def _as_seen(entry: Earning, service: Service) -> PlayerEarning:
    return PlayerEarning(
        **vars(entry),
        url=None if entry.signature is None else service.config.transaction_link(entry.signature),
    )
