"""row-level security: on PostgreSQL each shop sees its own rows only"""

import re

import sqlalchemy as sa
from alembic import op

from khata.core.row_security import HOUSE_ROLE, SHOP_NOW, SHOP_ROLE, protect, unprotect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Found by a secret or by whose they are, and of no shop: a person works in several, and signs in before being in any.
# A session's shop_id only says which shop is open in that browser; signing out from afar reaches all of them.
IDENTITY = ("people", "sessions", "passkeys", "sign_in_codes", "devices")
OF_A_SHOP = (
    "cash_days", "cash_entries", "entries", "imports", "invitations", "journal_heads", "journal_lines",
    "ledger_totals", "members", "messages", "notices", "parties", "party_days", "party_words",
)  # fmt: skip
MEASURED = "parties, party_days, entries"  # an import lets PostgreSQL count them anew

ROLES = f"{SHOP_ROLE}, {HOUSE_ROLE}"
TABLES = ", ".join(("shops", *OF_A_SHOP, *IDENTITY))
RIGHTS = "SELECT, INSERT, UPDATE, DELETE"

# Roles belong to the whole server: another database of it may have made them, or be making them just now.
MAKE_ROLES = f"""
DO $$
DECLARE role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['{SHOP_ROLE}', '{HOUSE_ROLE}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, role, 'SET') THEN
            EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', role, current_user);
        END IF;
    END LOOP;
END $$
"""
GRANT = f"""
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLES}', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT {RIGHTS} ON TABLES TO {ROLES}', current_schema());
    GRANT {RIGHTS} ON {TABLES} TO {ROLES};
    GRANT SELECT ON alembic_version TO {HOUSE_ROLE};  -- a dump is made as the house
    IF current_setting('server_version_num')::int >= 170000 THEN
        GRANT MAINTAIN ON {MEASURED} TO {ROLES};
    END IF;
END $$
"""
REVOKE = f"""
DO $$
BEGIN
    REVOKE ALL ON {TABLES}, alembic_version FROM {ROLES};
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE {RIGHTS} ON TABLES FROM {ROLES}', current_schema());
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM {ROLES}', current_schema());
END $$
"""
# Not where another login is a member, another database grants them something, or they are not ours to drop.
DROP_ROLES = f"""
DO $$
DECLARE role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['{SHOP_ROLE}', '{HOUSE_ROLE}'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_auth_members WHERE roleid = to_regrole(role) AND member <> to_regrole(current_user::text)
        ) THEN
            BEGIN
                EXECUTE format('DROP ROLE %I', role);
            EXCEPTION WHEN dependent_objects_still_exist OR object_in_use OR insufficient_privilege THEN NULL;
            END;
        END IF;
    END LOOP;
END $$
"""
OWN_PHONE = f"shop_id IS NULL OR shop_id = {SHOP_NOW}"
SEEN_IN_SHOP = (  # of the members only those of the shop are seen here
    "EXISTS (SELECT FROM sessions JOIN members ON members.person_id = sessions.person_id"
    " WHERE sessions.device_id = devices.id)"
)


def upgrade() -> None:
    """Forward."""
    if op.get_context().dialect.name != "postgresql":
        return
    _make_roles()
    op.execute(GRANT)
    protect(op, "shops", "id")
    for table in OF_A_SHOP:
        protect(op, table)
    # Any request may hand the house a sign-in code to send; none reads what lies there.
    op.execute(
        f"CREATE POLICY to_the_house ON messages FOR INSERT TO {SHOP_ROLE} WITH CHECK"
        " (shop_id = '00000000-0000-0000-0000-000000000000')"
    )
    # A shop's phone is the shop's; one where somebody of the shop signed in has a name in its day book all the same.
    protect(op, "devices", rows=OWN_PHONE)
    op.execute(f"CREATE POLICY of_its_members ON devices FOR SELECT TO {SHOP_ROLE} USING ({SEEN_IN_SHOP})")


def downgrade() -> None:
    """Back."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("DROP POLICY of_its_members ON devices")
    op.execute("DROP POLICY to_the_house ON messages")
    for table in ("shops", "devices", *OF_A_SHOP):
        unprotect(op, table)
    op.execute(REVOKE)
    op.execute(DROP_ROLES)


def _make_roles() -> None:
    login = str(op.get_bind().engine.url.username) if op.get_bind() is not None else ""
    login = login if re.fullmatch("[a-z_][a-z0-9_]*", login) else f'"{login}"'
    try:
        op.execute(MAKE_ROLES)
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise
        raise RuntimeError(
            "Khata keeps shops apart by two roles of PostgreSQL, and this login may not make them."
            " As the database's administrator run:"
            f" CREATE ROLE {SHOP_ROLE} NOLOGIN; CREATE ROLE {HOUSE_ROLE} NOLOGIN;"
            f" GRANT {ROLES} TO {login} WITH INHERIT FALSE; and then this once more."
        ) from None
