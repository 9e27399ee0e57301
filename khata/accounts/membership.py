"""Members of a shop: invite, join, change what they may do, remove."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.accounts import permissions, queries
from khata.accounts.models import Invitation, Member, Session
from khata.accounts.sessions import PIN
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, in_shop
from khata.core.ids import new_id
from khata.core.names import sort_key
from khata.core.tokens import proves
from khata.errors import Forbidden, Invalid, NotFound
from khata.journal import actions as journal
from khata.journal.actions import Event

INVITATION = "invitation"
INVITATION_HOLDS = timedelta(days=7)


class NoInvitation(NotFound):
    """The link was used, taken back, has expired, or never was one."""

    code = "no_invitation"
    message = _("This invitation no longer holds. Ask the shop for a new one.")


def invite(actor: Actor, role: str) -> UUID:
    """Open a place of `role` for whoever comes with the link; gives its id.

    Raises Forbidden: only an owner makes owners, and nobody gives away more than they may themself.
    """
    journal.lock(actor.shop_id)
    require_owner_for(actor, role)
    require_all_of(actor, permissions.granted(role, ""))
    now = clock.now()
    invitation = Invitation(
        shop_id=actor.shop_id, id=new_id(), role=role, invited_by=actor.member_id, expires_at=now + INVITATION_HOLDS
    )
    journal.record(actor, Event("member.invited", invitation.id, {"role": role}))
    db.session.add(invitation)
    db.session.flush()
    return invitation.id


def find_invitation(secret: str, invitation_id: UUID, key: str) -> Invitation:
    """The invitation that a link leads to; raises NoInvitation."""
    found = queries.invitation_by_id(invitation_id)
    if found is None or not proves(secret, INVITATION, invitation_id, key):
        raise NoInvitation
    if found.ended_at is not None or found.expires_at <= clock.now():
        raise NoInvitation
    return found


def take_back(actor: Actor, invitation_id: UUID) -> None:
    """End an invitation; raises NotFound."""
    journal.lock(actor.shop_id)
    found = queries.invitation_by_id(invitation_id)
    if found is None or found.shop_id != actor.shop_id:
        raise NotFound
    if found.ended_at is None:
        journal.record(actor, Event("member.uninvited", invitation_id, {}))
        found.ended_at = clock.now()


def asks_name(shop_id: UUID, person_id: UUID, name: str) -> bool:
    """True where who joins has no name yet, or one that a member of the shop has already."""
    with in_shop(shop_id):
        member = queries.place_of(shop_id, person_id)
        if member is not None and member.removed_at is None:
            return False
        try:
            require_free_name(shop_id, name)
        except Invalid:
            return True
    return not name


def join(secret: str, invitation_id: UUID, key: str, person_id: UUID, device_id: UUID | None) -> UUID:
    """Take the place: who was a member comes back, who is one keeps the place. Gives the shop.

    Raises NoInvitation, and Invalid where a member is called so already.
    """
    shop_id = find_invitation(secret, invitation_id, key).shop_id
    with in_shop(shop_id):
        journal.lock(shop_id)
        db.session.expire_all()  # another one may have come first while we waited
        _take_place(find_invitation(secret, invitation_id, key), person_id, device_id)
    return shop_id


def _take_place(invitation: Invitation, person_id: UUID, device_id: UUID | None) -> None:
    shop_id = invitation.shop_id
    member = queries.place_of(shop_id, person_id)
    if member is not None and member.removed_at is None:
        return
    require_free_name(shop_id, queries.name_of(person_id))
    if member is None:
        member = Member(shop_id=shop_id, id=new_id(), person_id=person_id, created_at=clock.now())
        db.session.add(member)
    member.role, member.switches, member.removed_at = invitation.role, "", None
    invitation.ended_at = clock.now()
    db.session.flush()
    facts = {"role": member.role, "name": _name_of(member)}
    journal.record(Actor(shop_id, member.id, device_id), Event("member.joined", member.id, facts))


def change_member(actor: Actor, member_id: UUID, role: str, wanted: set[str]) -> None:
    """Give a member another role, and switch single permissions.

    Raises NotFound, Invalid for the last owner, and Forbidden where somebody else makes or unmakes one; where who is no
    owner changes themself, or gives what they have not.
    """
    member = _locked(actor, member_id)
    require_owner_for(actor, role, member.role)
    switches = "" if role == "owner" else permissions.switches_for(role, wanted)
    before = permissions.granted(member.role, member.switches)
    if not _is_owner(actor):
        if member_id == actor.member_id:
            raise Forbidden(_("Your own rights are changed by an owner."), "own_rights")
        require_all_of(actor, permissions.granted(role, switches) - before)
    if role != "owner":
        _keep_an_owner(member)
    elif not queries.has_number(member.person_id):
        raise Invalid(_("An owner needs a number of their own: invite them by a link."), "owner_without_number")
    if (member.role, member.switches) != (role, switches):
        facts = {"role": role, "switches": switches, "name": _name_of(member)}
        journal.record(actor, Event("member.changed", member_id, facts))
        member.role, member.switches = role, switches


def set_photo(actor: Actor, photo_id: UUID) -> None:
    """Give the member a face for the shop's phone."""
    member = _locked(actor, actor.member_id) if actor.member_id else None
    if member is not None and member.photo_id != photo_id:
        journal.record(actor, Event("member.photo", member.id, {"name": _name_of(member), "photo_id": photo_id.hex}))
        member.photo_id = photo_id


def remove_member(actor: Actor, member_id: UUID) -> None:
    """End a member's access, at their very next request; raises as `change_member` does."""
    member = _locked(actor, member_id)
    require_owner_for(actor, member.role)
    _keep_an_owner(member)
    journal.record(actor, Event("member.removed", member_id, {"name": _name_of(member)}))
    end_access(member)


def end_access(member: Member) -> None:
    """Let a member be one no longer; the journal line of why is the caller's."""
    member.removed_at = clock.now()
    here = sa.update(Session).where(Session.person_id == member.person_id, Session.shop_id == member.shop_id)
    db.session.execute(here.where(Session.method == PIN).values(ended_at=clock.now()))
    db.session.execute(here.values(shop_id=None))


def require_owner_for(actor: Actor, *roles: str) -> None:
    """Raise Forbidden where one of `roles` is an owner's and the actor is none.

    Who may manage members makes no owner, of themself or others, removes none, and gives none a PIN.
    """
    if "owner" in roles and not _is_owner(actor):
        raise Forbidden


def require_all_of(actor: Actor, given: frozenset[str]) -> None:
    """Raise Forbidden where somebody would get, by the actor, what the actor has not."""
    me = queries.member_by_id(actor.shop_id, actor.member_id) if actor.member_id else None
    if me is None or not given <= permissions.granted(me.role, me.switches):
        raise Forbidden(_("You can't give what you may not do yourself."), "more_than_own")


def require_free_name(shop_id: UUID, name: str, member_id: UUID | None = None) -> None:
    """Raise Invalid where another member of the shop than `member_id` is called so, however it is spelled."""
    team = {one.id for one in queries.team(shop_id)} - {member_id}
    if sort_key(name) in {sort_key(other) for other in queries.member_names(shop_id, team).values()}:
        raise Invalid(_("Somebody in this shop is called so. Add something that tells you apart."), "name_taken")


def sign_out_member(actor: Actor, member_id: UUID, device_id: UUID) -> None:
    """End a member's sessions of this shop on one device, from afar; raises NotFound, and Forbidden for an owner's."""
    member = _locked(actor, member_id)
    require_owner_for(actor, member.role)
    label = queries.device_label(device_id)
    here = (Session.person_id == member.person_id) & (Session.shop_id == actor.shop_id)
    ended = sa.update(Session).where(here, Session.device_id == device_id, Session.ended_at.is_(None))
    ended = ended.values(ended_at=clock.now())
    if label is None or not db.session.execute(ended).rowcount:  # type: ignore[attr-defined]
        raise NotFound
    facts = {"name": _name_of(member), "label": label, "device_id": device_id.hex}
    journal.record(actor, Event("member.signed_out", member_id, facts))


def _is_owner(actor: Actor) -> bool:
    me = queries.member_by_id(actor.shop_id, actor.member_id) if actor.member_id else None
    return me is not None and me.role == "owner"


def _locked(actor: Actor, member_id: UUID) -> Member:
    journal.lock(actor.shop_id)
    member = queries.member_by_id(actor.shop_id, member_id)
    if member is None:
        raise NotFound
    return member


def _name_of(member: Member) -> str:
    return queries.member_names(member.shop_id, [member.id])[member.id]


def _keep_an_owner(member: Member) -> None:
    owners = [one for one in queries.team(member.shop_id) if one.role == "owner"]
    if member.role == "owner" and len(owners) == 1:
        raise Invalid(_("A shop needs an owner. Make somebody else an owner first."), "last_owner")
