"""Codes of the guides, one beside each tab, and of “What is this?” where a word needs it."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class GuideCode(Code):
    """The guides: headings and sentences."""

    PHOTOS = "Guide: which photos, and how many"
    PHOTOS_COUNT = (
        "<b>How many?</b> Ten photos of each class are a start, fifty are good. Take about as many of each class."
    )
    PHOTOS_LIKE = (
        "<b>Which ones?</b> Photos like those that you will try later: the same kind of light, place and distance."
    )
    PHOTOS_VARIED = (
        "<b>What makes them good?</b> The thing is sharp and large. Turn it, move it and change what is behind it, "
        "so that the model learns the thing and not the table below it."
    )
    PHOTOS_SAME = "<b>What does not help?</b> Many photos of the same moment: they count like one."
    PHOTOS_NOTHING = (
        "<b>What if there is nothing to see?</b> Add a class for that, with photos of the empty place. Without it, the "
        "model still picks one of your classes."
    )
    TRAIN = "Guide: what the numbers mean"
    TRAIN_SCORE = (
        "<b>The score</b> says how many photos out of 100 the model got right. These are photos that it did not learn "
        "from."
    )
    TRAIN_RANGE = (
        "<b>The range</b> says how sure the score is. The fewer photos there are, the wider it is. Add photos to make "
        "it narrow."
    )
    TRAIN_CLASSES = "<b>Class by class</b> shows where it fails. A class with few photos is often the weakest."
    TRAIN_AGAIN = "<b>Not good enough?</b> Look at the mistakes on the Review tab, add photos, then train again."
    REVIEW = "Guide: how to make the model better"
    REVIEW_LABELS = "<b>Start with photos that may be in the wrong class.</b> A few of them can spoil the score."
    REVIEW_MIXED = (
        "<b>Then look at what is mixed up.</b> If you cannot tell two classes apart by the photo, the model cannot "
        "either: join them, or take other photos."
    )
    REVIEW_AGAIN = "<b>Then train again.</b> What you changed counts from the next training on."
    TRY = "Guide: how far to trust an answer"
    TRY_SURE = (
        "<b>How sure it is</b> is no promise: of 100 answers with 90 percent, about 10 are wrong on photos like yours, "
        "and more on photos of another kind."
    )
    TRY_UNSURE = "<b>Not sure</b> means that a person should look. That is a good answer where a mistake is costly."
    TRY_WRONG = "<b>Is it wrong?</b> Say what the photo shows and train again: the model learns from it."
    SHARE = "Guide: before you give it to others"
    SHARE_TELL = "<b>Tell them</b> which classes it knows, how good it is, and on which photos that was found out."
    SHARE_PHOTOS = (
        "<b>Ask the people on your photos</b> before you give the photos away. A model alone holds no photos."
    )
    NOT_FOR = (
        "<b>When not to use this:</b> not to judge people or to tell who they are, not where someone could be hurt, "
        "and not to find out what an illness is. A model like this can be wrong, and it does not know when."
    )


@unique
class WhatCode(Code):
    """Short explanations of words of the page."""

    ASK = "What is this?"
    RANGE = "If you asked again with other photos of the same kind, the score would nearly always be in this range."
    MATRIX = "Each row is a class. The numbers say what its photos were taken for."
    STEPS = (
        "The training makes a quick model first, then tries others that take more time. A step is kept only where it "
        "gets more photos right that it did not learn from."
    )
    GROUPS = (
        "Photos of one moment or one thing look nearly the same. If the model learned from some of them and was asked "
        "about the others, the score would be too good. So they stay together: it learns from all of them, or it is "
        "asked about all of them."
    )
    DOUBTFUL = (
        "The model was asked about each photo without having learned from it. These are the photos of which it "
        "strongly expects another class. Often the photo is in the wrong class, sometimes the model is wrong: you "
        "decide."
    )
    UNSURE = (
        "Where the model is less sure than this, it does not decide but says “not sure”, so that a person looks at the "
        "photo. The higher it is, the fewer answers are wrong, and the more photos you have to look at."
    )
