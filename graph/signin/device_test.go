package signin_test

import (
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
)

// TestDeviceCookie signs in in a browser that keeps its tokens in cookies. The device token is in a cookie of its own, which
// stays after the sign-out, and counts at the next sign-in.
func TestDeviceCookie(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		p := b.signupAda(t, f)
		if p.DeviceToken != nil || b.device == "" || b.deviceMaxAge != 90*24*time.Hour {
			t.Fatalf("signup: the device token is not in the cookie alone, for %v", b.deviceMaxAge)
		}
		first := b.device
		if _, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{}); err != nil || b.device != first {
			t.Errorf("refresh: %v, or it has changed the device token", err)
		}
		if err := f.logout(b.context(t, f, p.AccessToken)); err != nil || b.token != "" || b.device != first {
			t.Errorf("logout: %v, and the cookies have %q and %q", err, b.token, b.device)
		}
		stranger := signin.LoginInput{Identifier: "ada", Password: "wrong"}
		for range 10 {
			if _, err := f.Login(t.Context(), stranger); authtest.Code(err) != "INVALID_CREDENTIALS" {
				t.Fatal(err)
			}
		}
		const refused = "RATE_LIMITED after 1s"
		right := signin.LoginInput{Identifier: "ada", Password: authtest.Password, Session: signin.TransportCookie}
		if _, err := f.Login((&browser{}).context(t, f, ""), right); authtest.Code(err) != refused {
			t.Errorf("a sign-in in another browser: %v", err)
		}
		other := right
		other.DeviceToken = new("")
		if _, err := f.Login(b.context(t, f, ""), other); authtest.Code(err) != refused {
			t.Errorf("a sign-in with an empty device token instead of the cookie: %v", err)
		}
		if p = b.login(t, f, "ada"); p.DeviceToken != nil || b.device == first {
			t.Error("login: the device token is not a new one in the cookie alone")
		}
	})
}

// TestDeviceCookieOfAnotherUser signs another user in over the cookie. The device is then known to the last user only.
func TestDeviceCookieOfAnotherUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "eve")
		b := &browser{}
		b.signupAda(t, f)
		b.login(t, f, "eve")
		for range 10 {
			for _, name := range []string{"ada", "eve"} {
				if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: name, Password: "wrong"}); authtest.Code(err) != "INVALID_CREDENTIALS" {
					t.Fatal(err)
				}
			}
		}
		for name, want := range map[string]string{"ada": "RATE_LIMITED after 1s", "eve": "INVALID_CREDENTIALS"} {
			if _, err := f.Login(b.context(t, f, ""), signin.LoginInput{Identifier: name, Password: "wrong"}); authtest.Code(err) != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	})
}

// TestDeviceTokenTransport signs in with each transport. A browser with the cookie that asks for the tokens gets the device
// token too, and its cookie stays.
func TestDeviceTokenTransport(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		b.signupAda(t, f)
		kept := b.device
		p, err := f.Login(b.context(t, f, ""), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		if err != nil || p.DeviceToken == nil || *p.DeviceToken == kept || b.device != kept {
			t.Errorf("login without a cookie: %v, or the device token is not in the answer alone", err)
		}
	})
}
