package multirecall.analysis;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;

/** The named classes of characters that {@code token_chars} and {@code tokenize_on_chars} speak of. */
final class CharClasses {

    private static final Map<String, IntPredicate> BY_NAME = Map.of(
        "letter", Character::isLetter,
        "digit", Character::isDigit,
        "whitespace", Character::isWhitespace,
        "punctuation", CharClasses::isPunctuation,
        "symbol", CharClasses::isSymbol);

    private CharClasses() {}

    static IntPredicate named(String name) {
        IntPredicate members = BY_NAME.get(name.toLowerCase(Locale.ROOT).trim());
        if (members == null) {
            throw new IllegalArgumentException(
                "Unknown token type: '" + name + "', must be one of " + BY_NAME.keySet() + " or [custom]");
        }
        return members;
    }

    /** What belongs to a token of the n-gram tokenizers; with no class named, everything does. */
    static IntPredicate tokenChars(List<String> names, String custom) {
        if (names.isEmpty()) {
            return c -> true;
        }
        IntPredicate any = c -> false;
        for (String name : names) {
            if (name.equalsIgnoreCase("custom")) {
                if (custom == null) {
                    throw new IllegalArgumentException("Token type: 'custom' requires setting `custom_token_chars`");
                }
                any = any.or(c -> custom.indexOf(c) >= 0);
            } else {
                any = any.or(named(name));
            }
        }
        return any;
    }

    private static boolean isPunctuation(int c) {
        return switch (Character.getType(c)) {
            case Character.START_PUNCTUATION, Character.END_PUNCTUATION, Character.OTHER_PUNCTUATION,
                Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION,
                Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION -> true;
            default -> false;
        };
    }

    private static boolean isSymbol(int c) {
        return switch (Character.getType(c)) {
            case Character.CURRENCY_SYMBOL, Character.MATH_SYMBOL, Character.OTHER_SYMBOL,
                Character.MODIFIER_SYMBOL -> true;
            default -> false;
        };
    }
}
