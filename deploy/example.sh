json='Content-Type: application/json'
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

curl -sS "$AUTH/users" -H "$json" -d '{"name": "Ada", "email": "ada@example.com", "password": "a long password", "role": "user"}'; echo
USER_TOKEN=$(curl -sS "$AUTH/login" -H "$json" -d '{"email": "ada@example.com", "password": "a long password"}' | field access_token)
ADMIN_TOKEN=$(curl -sS "$AUTH/login" -H "$json" -d "{\"email\": \"$ADMIN_EMAIL\", \"password\": \"$ADMIN_PASSWORD\"}" | field access_token)

EVENT=$(curl -sS "$BOOKING/events" -H "Authorization: Bearer $ADMIN_TOKEN" -H "$json" -d '{"event_name": "Opening night", "event_venue": "Main hall", "event_date": "2030-01-01T20:00:00Z", "event_availibility": 10}' | field event_id)
BOOKED=$(curl -sS -X POST "$BOOKING/events/$EVENT/book?seats=2" -H "Authorization: Bearer $USER_TOKEN" | field booking_id)
curl -sS "$BOOKING/bookings/$BOOKED" -H "Authorization: Bearer $USER_TOKEN" -H 'Prefer: wait=10'; echo
