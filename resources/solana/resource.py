"""The chain that pays players, as the connection that assets ask for.

Without an endpoint it is the embedded chain of the home, started when it is first needed. Without a payer
nothing is paid and nothing is started: that is the dry run, and the default. A throw-away payer in
the home counts for the embedded chain only.

The key itself is no field: it is read where it is needed, so that Dagster's UI and event log never see it.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from resources.settings import Settings, read_settings
from resources.solana.links import transaction_link

if TYPE_CHECKING:
    from resources.solana.keys import Payer
    from resources.solana.rpc import SolanaRpc

_THROWAWAY_LAMPORTS = 100_000 * 10**9


class Solana(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where and from which wallet players are paid; see `resources.settings` for the fields.

    Attributes:
        home: The home folder, for the embedded chain.
        payer_in_environment: The key pair is in SCALEDIFF_PAYER_KEYPAIR.
    """

    home: str
    rpc_url: str | None = None
    mint: str | None = None
    explorer_url: str | None = None
    payer_in_environment: bool = False
    payer_keypair_file: str | None = None
    payer_secret: str | None = None
    s3_region: str | None = None
    s3_endpoint_url: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "Solana":
        """The connection that the settings describe."""
        file = settings.payer_keypair_file
        return cls(
            home=str(settings.home),
            rpc_url=settings.solana_url,
            mint=settings.solana_mint,
            explorer_url=settings.solana_explorer_url,
            payer_in_environment=settings.payer_keypair is not None,
            payer_keypair_file=None if file is None else str(file),
            payer_secret=settings.payer_secret,
            s3_region=settings.s3_region,
            s3_endpoint_url=settings.s3_endpoint_url,
        )

    @property
    def is_embedded(self) -> bool:
        """Whether it is the embedded chain, whose money is worth nothing."""
        return self.rpc_url is None

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is paid, for want of a payer."""
        return not self._names_payer and self._throwaway() is None

    @property
    def has_throwaway_payer(self) -> bool:
        """Whether the payer is the embedded chain's own, and no other is named."""
        return not self._names_payer and self._throwaway() is not None

    def rpc(self) -> "SolanaRpc":
        """A client; the embedded chain is started where it does not run."""
        from resources.solana.rpc import SolanaRpc

        if self.rpc_url is not None:
            return SolanaRpc(self.rpc_url)
        from resources.solana.embedded.process import chain_folder, start_chain

        return SolanaRpc(start_chain(chain_folder(Path(self.home))).url)

    def payer(self) -> "Payer":
        """The wallet that pays.

        Raises:
            PayerKeyError: Where there is none or its key cannot be used.
        """
        from resources.solana.keys import load_payer

        settings = read_settings()
        file = self.payer_keypair_file or self._throwaway()
        return load_payer(
            dataclasses.replace(
                settings,
                payer_keypair=settings.payer_keypair if self.payer_in_environment else None,
                payer_keypair_file=None if file is None else Path(file),
                payer_secret=self.payer_secret,
                s3_region=self.s3_region,
                s3_endpoint_url=self.s3_endpoint_url,
            )
        )

    def make_throwaway_payer(self) -> Path:
        """A payer for the embedded chain in the home, with money from its faucet; the key's file.

        Raises:
            PayerKeyError: On any other chain, where money is worth something.
        """
        from resources.solana.errors import PayerKeyError
        from resources.solana.keys import throwaway_payer

        if not self.is_embedded:
            problem = "a throw-away payer is for the embedded chain; unset SCALEDIFF_SOLANA_URL or name a key"
            raise PayerKeyError("the home", problem)
        path = throwaway_payer(Path(self.home))
        address = self.payer().address
        with self.rpc() as rpc:
            if rpc.balance(address) < _THROWAWAY_LAMPORTS // 2:
                rpc.airdrop(address, _THROWAWAY_LAMPORTS)
        return path

    def link(self, signature: str) -> str | None:
        """A page that shows a transaction; None where the embedded chain never ran."""
        return transaction_link(
            signature, home=Path(self.home), rpc_url=self.rpc_url, explorer_url=self.explorer_url
        )

    @property
    def _names_payer(self) -> bool:
        return bool(self.payer_in_environment or self.payer_keypair_file or self.payer_secret)

    def _throwaway(self) -> str | None:
        from resources.solana.embedded.places import THROWAWAY_FILE

        path = Path(self.home) / THROWAWAY_FILE
        return str(path) if self.is_embedded and path.exists() else None
