"""Pages of the accounts room."""

from khata.accounts.views import me, members, passkeys, phone, proof, recovery, shops, sign_in
from khata.accounts.views.blueprint import blueprint

__all__ = ["blueprint", "me", "members", "passkeys", "phone", "proof", "recovery", "shops", "sign_in"]
